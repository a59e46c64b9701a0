--[[
  Adds a job to the waiting jobs of its tenant, unless the limit is reached.
  KEYS: the tenant's waiting jobs (zset)   ARGV: job id, now, limit, ms after which an unused set expires, how many ids to return
  Returns how many jobs wait with it; or, at the limit, the ids of the jobs that were checked longest ago.
]]
local count = redis.call('ZCARD', KEYS[1])
if count >= tonumber(ARGV[3]) and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return redis.call('ZRANGE', KEYS[1], 0, ARGV[5] - 1)
end
count = count + redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return count
