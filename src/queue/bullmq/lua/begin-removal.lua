--[[
  Begins the removal of an ended job. From now on no retry opens it and no claim is kept for it, so that its claim, which lies
  in another slot, can be given up before it. The sweep goes on with what is left.
  KEYS: job, completed, failed   ARGV: id
  Returns missing | not_done | begun, and its claim if it has one
]]
if redis.call('HEXISTS', KEYS[1], 'name') == 0 then return { 'missing' } end
if redis.call('HEXISTS', KEYS[1], 'finishedOn') == 0 then return { 'not_done' } end
redis.call('HSET', KEYS[1], 'removing', 1)
-- The first that the sweep finds.
redis.call('ZADD', KEYS[2], 'XX', 0, ARGV[1])
redis.call('ZADD', KEYS[3], 'XX', 0, ARGV[1])
return { 'begun', redis.call('HGET', KEYS[1], 'claim') or nil }
