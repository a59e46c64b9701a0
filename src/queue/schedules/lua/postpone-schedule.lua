--[[
  There was no room for the job of a due tick: the tick stays due, and is tried again, or the latest one that is due by then. Only where
  the ticks have not started over. KEYS: schedule, due   ARGV: member of due, era, the due tick, ms until the next try, why as JSON
]]
if redis.call('EXISTS', KEYS[1]) == 0 then return end
local era, next = unpack(redis.call('HMGET', KEYS[1], 'era', 'next'))
if era ~= ARGV[2] or next ~= ARGV[3] then return end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'heldBack', ARGV[5])
redis.call('HDEL', KEYS[1], 'takenAt')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4], ARGV[1])
