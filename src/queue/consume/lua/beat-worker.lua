--[[
  The heartbeat of a worker that consumes a queue. Workers without a heartbeat for a while are removed. By Redis's clock.
  KEYS: workers   ARGV: worker's name, ms after which it is forgotten
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
