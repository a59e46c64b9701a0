-- The start of a job that was not run does not count. KEYS: lock, job   ARGV: lock token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
redis.call('HINCRBY', KEYS[2], 'ats', -1)
redis.call('HDEL', KEYS[2], 'processedOn', 'pb')
