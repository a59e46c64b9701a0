-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/write-event
-- include bullmq/lib/retention
-- include bullmq/lib/labels
-- include bullmq/lib/values
-- include bullmq/lib/checkpoint
-- include bullmq/lib/slim-job
-- include bullmq/lib/end-job
-- include bullmq/lib/active-list
--[[
  Ends a canceled job whose handler has stopped. Several processes may call it; only the first call counts.
  KEYS: job, lock, active, stalled, failed, webhook debts   ARGV: id, cancel token, failure, now, channel
  Returns 1, or 0 when there was nothing to end.
]]
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
if removeActive(KEYS[3], string.sub(KEYS[1], 1, -#ARGV[1] - 1), ARGV[1]) == 0 then return 0 end
redis.call('SREM', KEYS[4], ARGV[1])
readyOf(string.sub(KEYS[1], 1, -#ARGV[1] - 1)).leave(ARGV[1], false)
endJob(KEYS[1], KEYS[2], KEYS[5], ARGV[5], ARGV[1], ARGV[3], ARGV[4], KEYS[6])
return 1
