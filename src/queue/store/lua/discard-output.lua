-- Discards the stored output of a running job. KEYS: lock, output, job   ARGV: lock token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
redis.call('UNLINK', KEYS[2])
redis.call('HDEL', KEYS[3], 'outputName', 'outputBytes')
