--[[
  Lets the claim of a stored job live without an end. One that was given up when an earlier job of this id was removed is made
  again, for the usual time.
  KEYS: the claim   ARGV: job id, digest of the request, ms that it lasts unless it is kept
  Returns 1, also when it has become another job's; 0 when it was made again: whether its job is still there must be asked again.
]]
local id = redis.call('HGET', KEYS[1], 'id')
if not id then
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'digest', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return 0
end
if id == ARGV[1] then redis.call('PERSIST', KEYS[1]) end
return 1
