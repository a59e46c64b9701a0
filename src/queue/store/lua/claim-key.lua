--[[
  Claims an idempotency key for a job, unless it is claimed.
  KEYS: the claim   ARGV: job id, digest of the request, ms until the claim expires unless it is kept
  Returns { id, digest } of the first claim, which may be the caller's, and 1 where its job was evicted.
]]
redis.call('HSETNX', KEYS[1], 'id', ARGV[1])
if redis.call('HSETNX', KEYS[1], 'digest', ARGV[2]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return redis.call('HMGET', KEYS[1], 'id', 'digest', 'evicted')
