-- Stores a flow, unless it exists. KEYS: flow   ARGV: field, value, …   Returns 1, or 0 when it existed.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
