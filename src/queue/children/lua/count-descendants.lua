--[[
  Notes at the first job above all others how many jobs one below it has submitted. Again with the same number it changes nothing.
  KEYS: the first job, its hash of children
  ARGV: id of the job below, how many it has submitted, max below the first job
  Returns counted | full, and nothing is noted | over: the first job has ended or is gone
]]
local name, finished = unpack(redis.call('HMGET', KEYS[1], 'name', 'finishedOn'))
if not name or finished then return 'over' end
local field = 'of:' .. ARGV[1]
local more = ARGV[2] - (redis.call('HGET', KEYS[2], field) or 0)
local total = tonumber(redis.call('HGET', KEYS[2], 'total') or 0)
if more > 0 and total + more > tonumber(ARGV[3]) then return 'full' end
redis.call('HSET', KEYS[2], field, ARGV[2], 'total', total + more)
return 'counted'
