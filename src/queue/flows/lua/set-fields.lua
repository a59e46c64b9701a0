-- Sets fields of a key of a flow, unless the flow is gone. KEYS: flow, key   ARGV: field, value, …   Returns 1, or 0 when it is gone.
if redis.call('HEXISTS', KEYS[1], 'createdAt') == 0 then return 0 end
redis.call('HSET', KEYS[2], unpack(ARGV))
return 1
