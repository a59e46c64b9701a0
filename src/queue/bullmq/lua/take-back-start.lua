-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- The start of a job that was not run does not count, also for its rate. KEYS: lock, job, meta   ARGV: lock token, prefix of the job keys
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
redis.call('HINCRBY', KEYS[2], 'ats', -1)
redis.call('HDEL', KEYS[2], 'processedOn', 'pb')
local slot, gates = unpack(redis.call('HMGET', KEYS[2], 'slot', 'gates'))
local slots = slot and readyOf(ARGV[2]).slots
if slots then
  slots.giveBackStart(slots.gates(gates, not gates and redis.call('HGET', KEYS[2], 'data')), slot)
  -- Once.
  redis.call('HSET', KEYS[2], 'slot', (string.gsub(slot, 'r', '')))
end
