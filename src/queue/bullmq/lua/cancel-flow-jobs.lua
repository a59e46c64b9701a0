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
  Cancels jobs of a flow in one queue, each as cancel-job.lua does.
  KEYS: delayed, prioritized, wait, active, stalled, failed
  ARGV: prefix of the job keys, now, message, the workers' channel, for each: id, ms for the worker to end it
  Returns for each what cancel-job.lua returns.
]]
local results = {}
for i = 5, #ARGV, 2 do
  local jobKey = ARGV[1] .. ARGV[i]
  results[#results + 1] = cancelOne(jobKey, KEYS, ARGV[i], ARGV[2], ARGV[3], ARGV[i + 1], jobKey, ARGV[4], true)
end
return results
