-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/write-event
-- include bullmq/lib/add-start
-- include bullmq/lib/active-list
-- include bullmq/lib/park
--[[
  A running job waits for answers. Where as many as it needs are there, or the time of waits is over, it goes on; else its start ends here, with what a start has: it
  is parked, see park.lua.
  KEYS: job, lock, active, stalled
  ARGV: id, lock token, prefix of the job keys, how many answers it needs, for each wait: its fields with commas between, its step or '', ms of its timeout or ''
  Returns { 'parked' } | { 'answered', for each wait { field, value } of what came first, 1 where its time is over, or false } | BullMQ's code: -1 no such job |
  -2 not locked | -3 not active | -6 another's lock
]]
-- Returns { field, value } of the answer that came first, or nil.
local function firstAnswer(checkpoint, fields)
  local first, least
  for field in string.gmatch(fields, '[^,]+') do
    local value = redis.call('HGET', checkpoint, field)
    local order = value and tonumber(string.match(value, '^%d+'))
    if order and (not least or order < least) then first, least = { field, value }, order end
  end
  return first
end

local jobKey, id, prefix, needed = KEYS[1], ARGV[1], ARGV[3], tonumber(ARGV[4])
-- First a write that Redis takes when it is out of memory, too: then it takes the rest. A running job has no such field.
redis.call('HDEL', jobKey, 'unrun')
if redis.call('EXISTS', jobKey) == 0 then return -1 end
local token = redis.call('GET', KEYS[2])
if token ~= ARGV[2] then return token and -6 or -2 end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local checkpoint, reply, waits, first = jobKey .. ':checkpoint', { 'answered' }, {}, nil
for i = 5, #ARGV, 3 do
  local fields, step, timeout = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local answer, untilAt = firstAnswer(checkpoint, fields), 0
  if not answer and timeout ~= '' then
    local name = 'until:' .. fields .. ' ' .. step
    redis.call('HSETNX', checkpoint, name, string.format('%.0f', now + timeout))
    untilAt = tonumber(redis.call('HGET', checkpoint, name))
    if untilAt <= now then answer = 1 else first = math.min(first or untilAt, untilAt) end
  end
  if answer then needed = needed - 1 end
  reply[#reply + 1] = answer or false
  if not answer then
    for field in string.gmatch(fields, '[^,]+') do waits[#waits + 1] = { field, untilAt } end
  end
end
if needed <= 0 then return reply end

if removeActive(KEYS[3], prefix, id) == 0 then return -3 end
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[4], id)
local history, attempts = unpack(redis.call('HMGET', jobKey, 'stacktrace', 'atm'))
addStart(jobKey, history, 'parked', (attempts or 0) + 1, now)
readyOf(prefix).leave(id, false)
redis.call('HSET', jobKey, 'parked', cjson.encode({ s = now, n = needed, w = waits }))
redis.call('ZADD', prefix .. 'waiting-children', now, id)
redis.call('ZADD', parkedKey(prefix), first or 'inf', id)
-- By these it gives up at its end what it keeps for the next start: see slim-job.lua.
redis.call('HSETNX', jobKey, 'eventBatch', '')
redis.call('HSETNX', jobKey, 'signals', '0 {}')
writeEvent(prefix, 'waiting-children', 'jobId', id, 'prev', 'active')
redis.call('PUBLISH', jobKey, 'changed')
return { 'parked' }
