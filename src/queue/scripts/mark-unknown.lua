-- Notes that a worker did not know a job. KEYS: job   ARGV: now   Returns since when that is so.
if redis.call('EXISTS', KEYS[1]) == 0 then return ARGV[1] end
redis.call('HSETNX', KEYS[1], 'unknownSince', ARGV[1])
return redis.call('HGET', KEYS[1], 'unknownSince')
