-- Gives up an idempotency claim, unless it belongs to another job, or outlives an evicted one. KEYS: the claim   ARGV: job id
local id, evicted = unpack(redis.call('HMGET', KEYS[1], 'id', 'evicted'))
if id == ARGV[1] and not evicted then redis.call('UNLINK', KEYS[1]) end
