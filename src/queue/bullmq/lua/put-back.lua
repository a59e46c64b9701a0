-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/write-event
-- include bullmq/lib/add-start
-- include bullmq/lib/active-list
--[[
  Puts a running job back to the head of its queue: what BullMQ's moveJobFromActiveToWait does, and its start is noted in the same step.
  A start that was not run does not count.
  KEYS: job, lock, active, wait, prioritized, stalled, marker, meta
  ARGV: id, lock token, prefix of the job keys, '1' where it was run or '', now
  Returns 1, or BullMQ's code: -1 no such job | -2 not locked | -3 not active | -6 another's lock
]]
local id = ARGV[1]
local priority, history, attempts = unpack(redis.call('HMGET', KEYS[1], 'priority', 'stacktrace', 'atm'))
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local token = redis.call('GET', KEYS[2])
if token ~= ARGV[2] then return token and -6 or -2 end
if removeActive(KEYS[3], ARGV[3], id) == 0 then return -3 end
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[6], id)
local entry = readyOf(ARGV[3])
if ARGV[4] ~= '' then
  addStart(KEYS[1], history, 'put_back', (attempts or 0) + 1, ARGV[5])
else
  redis.call('HINCRBY', KEYS[1], 'ats', -1)
  local slot, gates, data = unpack(redis.call('HMGET', KEYS[1], 'slot', 'gates', 'data'))
  if entry.slots and slot then entry.slots.giveBackStart(entry.slots.gates(gates, data), slot) end
  redis.call('HDEL', KEYS[1], 'processedOn', 'pb', 'place')
end
priority = tonumber(priority or 10)
if priority == 0 then
  redis.call('RPUSH', KEYS[4], id)
else
  -- As BullMQ does: before the others of its priority.
  redis.call('ZADD', KEYS[5], priority * 0x100000000, id)
  if entry.fair then entry.fair.putBack(id, priority, redis.call('HGET', KEYS[1], 'data')) end
end
entry.leave(id, true)
if redis.call('HEXISTS', KEYS[8], 'paused') == 0 then redis.call('ZADD', KEYS[7], 0, '0') end
writeEvent(ARGV[3], 'waiting', 'jobId', id, 'prev', 'active')
return 1
