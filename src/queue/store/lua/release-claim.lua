-- Gives up an idempotency claim, unless it belongs to another job. KEYS: the claim   ARGV: job id
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then redis.call('UNLINK', KEYS[1]) end
