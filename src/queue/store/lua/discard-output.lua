-- Gives up what is stored of a running job's output. KEYS: lock, output, job   ARGV: lock token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
redis.call('UNLINK', KEYS[2])
redis.call('HDEL', KEYS[3], 'outputName', 'outputBytes')
