-- Notes at a claim that all jobs of its request are stored.   KEYS: claim   ARGV: id of the claim
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then redis.call('HSET', KEYS[1], 'stored', 1) end
