-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/write-event
-- include bullmq/lib/active-list
--[[
  A running job is to start again, at once or after a delay: what BullMQ's retryJob and moveToDelayed do. It becomes ready as any other job.
  KEYS: job, lock, active, wait, prioritized, delayed, priority counter, marker, meta, stalled
  ARGV: id, lock token, prefix of the job keys, now, '' to be ready at once or ms of its delay, '1' where that was no attempt or '', more fields as a JSON list or '', 'RPUSH' or 'LPUSH'
  Returns 0, or BullMQ's code: -1 no such job | -2 not locked | -3 not active | -6 another's lock
]]
local jobKey, id, prefix, now, delay = KEYS[1], ARGV[1], ARGV[3], ARGV[4], ARGV[5]
-- First a write that Redis takes when it is out of memory, too: then it takes the rest. A running job has no such field.
redis.call('HDEL', jobKey, 'unrun')
if redis.call('EXISTS', jobKey) == 0 then return -1 end
local token = redis.call('GET', KEYS[2])
if token ~= ARGV[2] then return token and -6 or -2 end
if removeActive(KEYS[3], prefix, id) == 0 then return -3 end
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[10], id)
if ARGV[7] ~= '' then redis.call('HSET', jobKey, unpack(cjson.decode(ARGV[7]))) end
if ARGV[6] == '' then redis.call('HINCRBY', jobKey, 'atm', 1) end
-- add-jobs.lua leaves it out where it is 10. Workers of BullMQ read it.
redis.call('HSETNX', jobKey, 'priority', 10)
local sets = { KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9] }
local ready = readyOf(prefix)
ready.leave(id, false)
if delay == '' then
  local job = ready.read(id)
  if job.priority == 0 then redis.call(ARGV[8], KEYS[4], id) else ready.enter({ job }, now) end
  wakeWorker(sets)
  writeEvent(prefix, 'waiting', 'jobId', id, 'prev', 'active')
else
  redis.call('HSET', jobKey, 'delay', delay)
  local dueAt = now + delay
  delayJob(sets, id, dueAt)
  writeEvent(prefix, 'delayed', 'jobId', id, 'delay', string.format('%.0f', dueAt))
end
return 0
