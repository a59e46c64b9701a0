--[[
  Completes a due tick: its job is stored, or it was skipped. Only the first call counts, and none when the ticks have started over.
  KEYS: schedule, due   ARGV: member of due, era, the due tick, next tick or '', the tick that was fired, its job or ''
]]
if redis.call('EXISTS', KEYS[1]) == 0 then return end
local era, next = unpack(redis.call('HMGET', KEYS[1], 'era', 'next'))
if tonumber(redis.call('HGET', KEYS[1], 'lastTick') or 0) < tonumber(ARGV[5]) then
  redis.call('HSET', KEYS[1], 'lastTick', ARGV[5])
  if ARGV[6] == '' then redis.call('HINCRBY', KEYS[1], 'skipped', 1) else redis.call('HSET', KEYS[1], 'lastJobId', ARGV[6]) end
end
if era ~= ARGV[2] or next ~= ARGV[3] then return end
redis.call('HSET', KEYS[1], 'next', ARGV[4])
redis.call('HDEL', KEYS[1], 'takenAt', 'heldBack')
if ARGV[4] == '' then redis.call('ZREM', KEYS[2], ARGV[1]) else redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1]) end
