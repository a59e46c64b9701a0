--[[
  Takes an operation that no process works on. Its holder has it for some time after each write.
  KEYS: operation, open operations   ARGV: id, holder, ms
  Returns its fields and values; nothing where another process has it, or it has ended
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder, heldUntil, finished = unpack(redis.call('HMGET', KEYS[1], 'holder', 'heldUntil', 'finishedAt'))
if redis.call('EXISTS', KEYS[1]) == 0 or (finished and finished ~= '') then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return {}
end
if holder and holder ~= ARGV[2] and tonumber(heldUntil) > now then return {} end
redis.call('HSET', KEYS[1], 'holder', ARGV[2], 'heldUntil', now + ARGV[3])
return redis.call('HGETALL', KEYS[1])
