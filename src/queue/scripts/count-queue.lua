--[[
  Counts a queue. KEYS: meta, workers, delayed, prioritized, wait, active, completed, failed
  ARGV: ms after which a silent worker is forgotten
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return {
  redis.call('HEXISTS', KEYS[1], 'paused'),
  redis.call('ZCOUNT', KEYS[2], now - ARGV[1], '+inf'),
  redis.call('ZCARD', KEYS[3]),
  redis.call('ZCARD', KEYS[4]) + redis.call('LLEN', KEYS[5]),
  redis.call('LLEN', KEYS[6]),
  redis.call('ZCARD', KEYS[7]),
  redis.call('ZCARD', KEYS[8]),
}
