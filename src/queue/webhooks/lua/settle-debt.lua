--[[
  The delivery for a run of a job is stored: the job owes none, unless its next run has begun.
  KEYS: job, debts   ARGV: id, run
]]
local run = redis.call('HGET', KEYS[1], 'run') or '1'
if run == ARGV[2] then redis.call('ZREM', KEYS[2], ARGV[1]) end
