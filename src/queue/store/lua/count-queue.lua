--[[
  Counts the jobs of a queue, and returns the jobs of which one has waited longest. KEYS: meta, workers, delayed, prioritized, wait, active, completed, failed
  ARGV: ms after which a worker without a heartbeat does not count
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The first of each priority (BullMQ's score is priority and counter), and of those that came back from a vanished worker.
local oldest = { redis.call('LINDEX', KEYS[5], -1) or nil }
for priority = 1, 10 do
  local first = redis.call('ZRANGEBYSCORE', KEYS[4], priority * 0x100000000, '(' .. (priority + 1) * 0x100000000, 'LIMIT', 0, 1)
  oldest[#oldest + 1] = first[1]
end
return {
  redis.call('HEXISTS', KEYS[1], 'paused'),
  redis.call('ZCOUNT', KEYS[2], now - ARGV[1], '+inf'),
  redis.call('ZCARD', KEYS[3]),
  redis.call('ZCARD', KEYS[4]) + redis.call('LLEN', KEYS[5]),
  redis.call('LLEN', KEYS[6]),
  redis.call('ZCARD', KEYS[7]),
  redis.call('ZCARD', KEYS[8]),
  oldest,
}
