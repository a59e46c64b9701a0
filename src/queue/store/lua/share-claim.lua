-- An idempotency key stands for another job from now on, as long as its claim lives. KEYS: the claim   ARGV: job id that it has, the other's
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then redis.call('HSET', KEYS[1], 'id', ARGV[2]) end
