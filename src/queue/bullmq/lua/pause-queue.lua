--[[
  Lets workers take no more jobs of a queue, or lets them again: BullMQ's own words for it.
  KEYS: meta, marker, prioritized, wait, delayed   ARGV: 'paused' or 'resumed', now
]]
if ARGV[1] == 'paused' then
  if redis.call('HEXISTS', KEYS[1], 'paused') == 0 then redis.call('HSET', KEYS[1], 'paused', 1, 'drover.pausedAt', ARGV[2]) end
  -- Nobody is to be woken.
  redis.call('DEL', KEYS[2])
  return
end
redis.call('HDEL', KEYS[1], 'paused', 'drover.pausedAt')
if redis.call('ZCARD', KEYS[3]) + redis.call('LLEN', KEYS[4]) > 0 then redis.call('ZADD', KEYS[2], 0, '0') end
local first = redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')[2]
if first then redis.call('ZADD', KEYS[2], first / 0x1000, '1') end
-- Jobs that are held by a rate: see slots.lua.
local wakesAt = redis.call('ZRANGE', string.match(KEYS[1], '^.*}') .. ':waking', 0, 0, 'WITHSCORES')[2]
if wakesAt then redis.call('ZADD', KEYS[2], 'LT', wakesAt, '1') end
