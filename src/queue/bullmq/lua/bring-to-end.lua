-- include bullmq/lib/active-list
-- Makes a running job the oldest of a long list, where BullMQ's scripts find it at once. KEYS: active   ARGV: prefix of the job keys, id
if redis.call('LLEN', KEYS[1]) > 2 * nearActive and removeActive(KEYS[1], ARGV[1], ARGV[2]) == 1 then redis.call('RPUSH', KEYS[1], ARGV[2]) end
