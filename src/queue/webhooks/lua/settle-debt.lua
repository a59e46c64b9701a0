--[[
  The webhook of a job's run is stored: the job owes it no more, unless its next run has begun.
  KEYS: job, debts   ARGV: id, run
]]
local run = redis.call('HGET', KEYS[1], 'run') or '1'
if run == ARGV[2] then redis.call('ZREM', KEYS[2], ARGV[1]) end
