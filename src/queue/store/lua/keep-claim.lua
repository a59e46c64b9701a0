-- Writes the key of its idempotency claim into a job. KEYS: job   ARGV: the claim   Returns 1, or 0 when the job was removed, or is being removed.
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'removing') == 1 then return 0 end
redis.call('HSET', KEYS[1], 'claim', ARGV[1])
return 1
