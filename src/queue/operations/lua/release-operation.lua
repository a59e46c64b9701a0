-- Gives an operation back, so that another process can take it at once.   KEYS: operation   ARGV: holder
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('HDEL', KEYS[1], 'holder', 'heldUntil') end
