-- Counts a request in the window that its first request opened. KEYS: counter   ARGV: length of a window in ms   Returns { count, ms left }
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return { count, left }
