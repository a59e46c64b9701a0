-- include bullmq/lib/active-list
-- Prepares a running job for a script of BullMQ that moves it: in a long list it becomes the oldest, where those scripts find it at once, and its
-- priority is stored, which add-jobs.lua leaves out where it is 10. KEYS: active, job   ARGV: prefix of the job keys, id
-- First a write that Redis takes when it is out of memory, too: then it takes the rest. A running job has no such field.
redis.call('HDEL', KEYS[2], 'unrun')
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HSETNX', KEYS[2], 'priority', 10) end
if redis.call('LLEN', KEYS[1]) > 2 * nearActive and removeActive(KEYS[1], ARGV[1], ARGV[2]) == 1 then redis.call('RPUSH', KEYS[1], ARGV[2]) end
