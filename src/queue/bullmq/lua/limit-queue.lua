--[[
  Sets how many jobs of a queue may run at once, and how many may start in a period: BullMQ's own words for it.
  KEYS: meta, marker, rate limiter   ARGV: how many may run or '', how many may start or '', the period in ms
]]
local function set(field, value)
  if value == '' then redis.call('HDEL', KEYS[1], field) else redis.call('HSET', KEYS[1], field, value) end
end
set('concurrency', ARGV[1])
set('max', ARGV[2])
set('duration', ARGV[2] == '' and '' or ARGV[3])
if ARGV[2] == '' then redis.call('DEL', KEYS[3]) end
-- More may start than before.
if redis.call('HEXISTS', KEYS[1], 'paused') == 0 then redis.call('ZADD', KEYS[2], 0, '0') end
