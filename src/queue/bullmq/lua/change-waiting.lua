-- include bullmq/lib/write-event
-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
--[[
  Changes when a waiting job may start, or its priority. With another priority, or a time that is over, it waits behind the others of its priority.
  KEYS: job, prioritized, delayed, wait, priority counter, marker, meta, time limits, webhook debts
  ARGV: id, SHA-1 of its data as the caller read it, its new data, its new priority or '', when it may start or '', start by or '', deadline or '', now
  Returns 'done' | 'missing' | 'not_waiting' | 'changed': its data is other than the caller read
]]
local job, id, now = KEYS[1], ARGV[1], tonumber(ARGV[8])
local name, data, canceled, createdAt, options, before = unpack(redis.call('HMGET', job, 'name', 'data', 'cancelRequestedAt', 'timestamp', 'opts', 'priority'))
if not name then return 'missing' end
local score = redis.call('ZSCORE', KEYS[3], id)
local prefix = string.sub(job, 1, -#id - 1)
local isReady = redis.call('ZSCORE', KEYS[2], id) or redis.call('ZSCORE', prefix .. 'held', id) or redis.call('LPOS', KEYS[4], id)
if canceled or not (score or isReady) then return 'not_waiting' end
if redis.sha1hex(data) ~= ARGV[2] then return 'changed' end
before = before or '10'
local priority = ARGV[4] == '' and before or ARGV[4]
local dueAt = tonumber(ARGV[5] ~= '' and ARGV[5] or score and math.floor(score / 0x1000) or nil)

-- What stays where it is keeps its place.
if ARGV[5] ~= '' or isReady and priority ~= before then
  local ready, sets = readyOf(prefix), { KEYS[2], KEYS[3], KEYS[5], KEYS[6], KEYS[7] }
  if not ready.takeOut(id) and redis.call('ZREM', KEYS[3], id) == 0 and redis.call('LREM', KEYS[4], 1, id) == 1 then ready.leave(id, false) end
  if dueAt and dueAt > now then
    delayJob(sets, id, dueAt)
  else
    local entering = ready.read(id)
    entering.priority = tonumber(priority)
    ready.enter({ entering }, now)
    wakeWorker(sets)
  end
  writeEvent(prefix, dueAt and dueAt > now and 'delayed' or 'waiting', 'jobId', id)
end
redis.call('HSET', job, 'data', ARGV[3], 'priority', priority)
if ARGV[5] ~= '' then
  local delay = string.format('%.0f', math.max(0, dueAt - createdAt))
  options = string.gsub(options, ',"delay":%d+', '')
  if delay ~= '0' then options = string.gsub(options, '}$', ',"delay":' .. delay .. '}') end
  redis.call('HSET', job, 'delay', delay, 'opts', options)
  redis.call('ZADD', KEYS[9], 'XX', dueAt, id)
end
if ARGV[6] ~= '' then redis.call('ZADD', KEYS[8], 'XX', ARGV[6], 's:' .. id) end
if ARGV[7] ~= '' then redis.call('ZADD', KEYS[8], 'XX', ARGV[7], 'd:' .. id) end
redis.call('PUBLISH', job, 'changed')
return 'done'
