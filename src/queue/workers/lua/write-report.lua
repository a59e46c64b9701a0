--[[
  Stores what a worker reports of itself, and forgets the names of workers whose reports have expired.
  KEYS: its report, the workers that have a report, its drain mark   ARGV: its name, report, ms until it expires
  Returns 1 where the worker is to take no more jobs
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
return redis.call('EXISTS', KEYS[3])
