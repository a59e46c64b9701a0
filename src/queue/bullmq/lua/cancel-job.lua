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
-- include bullmq/lib/park
-- include bullmq/lib/cancel-one
--[[
  Cancels a job, wherever it is, at one moment. A waiting job ends. A running job is marked, and its lease passes from the
  worker to the cancel: from now on the worker's own completion is refused. `defa` makes the next worker that fetches the job
  after a crash end it without running it.
  KEYS: job, lock, delayed, prioritized, wait, active, stalled, failed, webhook debts
  ARGV: id, now, message, ms for the worker to end it, the job's channel, the workers' channel
  Returns missing | done | ended | signaled
]]
local sets = { KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9] }
return cancelOne(KEYS[1], sets, ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
