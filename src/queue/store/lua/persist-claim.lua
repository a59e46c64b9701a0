--[[
  Makes the claim of a stored job permanent, unless the job was evicted meanwhile. A claim that was given up when an earlier job of this id was removed is made again, with an
  expiry.
  KEYS: the claim   ARGV: job id, digest of the request, ms until the claim expires unless it is kept
  Returns 1, also when the claim belongs to another job by now; 0 when it was made again: the caller must check again whether the job exists.
]]
local id, evicted = unpack(redis.call('HMGET', KEYS[1], 'id', 'evicted'))
if not id then
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'digest', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return 0
end
if id == ARGV[1] and not evicted then redis.call('PERSIST', KEYS[1]) end
return 1
