--[[
  Gives an idempotency key to the first who asks, with the id that the job will have.
  KEYS: the claim   ARGV: job id, digest of the request, ms that it lasts unless it is kept
  Returns { id, digest } of whoever was first, which may be the caller.
]]
redis.call('HSETNX', KEYS[1], 'id', ARGV[1])
if redis.call('HSETNX', KEYS[1], 'digest', ARGV[2]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return redis.call('HMGET', KEYS[1], 'id', 'digest')
