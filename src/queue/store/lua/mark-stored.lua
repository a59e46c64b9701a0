-- Notes at a claim that all jobs of its request are stored; what is noted first stays.   KEYS: claim   ARGV: id of the claim, what to note
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then redis.call('HSETNX', KEYS[1], 'stored', ARGV[2]) end
