--[[
  Counts a request in the window that the first request opened. One that costs more than one, and more than is left, is not counted.
  KEYS: counter   ARGV: length of a window in ms, limit, how many requests it counts as
  Returns { count with it, ms left, 1 where it was counted }
]]
local left = redis.call('PTTL', KEYS[1])
local used = tonumber(redis.call('GET', KEYS[1]) or 0)
local cost = tonumber(ARGV[3])
if cost > 1 and used + cost > tonumber(ARGV[2]) then return { used, left < 0 and tonumber(ARGV[1]) or left, 0 } end
used = redis.call('INCRBY', KEYS[1], cost)
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return { used, left, 1 }
