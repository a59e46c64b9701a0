--[[
  Counts a job among those of its tenant that wait, unless there are too many.
  KEYS: the tenant's waiting jobs (zset)   ARGV: job id, now, most, ms after which a set that nobody adds to is forgotten, how many to name
  Returns how many there are with it; or, when it has no place, the ids of those that were looked at longest ago.
]]
local count = redis.call('ZCARD', KEYS[1])
if count >= tonumber(ARGV[3]) and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return redis.call('ZRANGE', KEYS[1], 0, ARGV[5] - 1)
end
count = count + redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return count
