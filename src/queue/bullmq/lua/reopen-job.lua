-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/write-event
-- include bullmq/lib/add-start
-- include bullmq/lib/retention
-- include bullmq/lib/labels
-- include bullmq/lib/values
-- include bullmq/lib/claims
--[[
  Opens the next run of an ended job: as new, but for its id, its input, its history of events, and where that is kept of starts.
  KEYS: job, failed or completed, prioritized, priority counter, marker, meta, event stream, time limits, webhook debts
  ARGV: id, its run as the caller read it, its record for the new run, channel, start by or '', deadline or '',
        now, '1' where it owes a webhook or '', '1' to keep the starts of earlier runs or '',
        its claim of a unique key as claims.lua has it or '', the size of the input that its record lacks: it stays as it is stored, or ''
  Returns reopened | { 'claimed', the job that holds its unique key } | not_retryable: it is not (any more) in that state | missing: or is being removed
]]

-- The last start of a run is no entry of its history: it follows from the fields that go with the next run. (Earlier versions stored one that failed.)
local function keepLastStart(jobKey)
  local history, attempts, startedAt, endedAt, output, reason, isUnrun =
    unpack(redis.call('HMGET', jobKey, 'stacktrace', 'atm', 'processedOn', 'finishedOn', 'returnvalue', 'failedReason', 'unrun'))
  if output then return addStart(jobKey, history, 'succeeded', math.max(1, tonumber(attempts or 1)), endedAt, { output = cjson.decode(output) }) end
  local isOurs, failure = pcall(cjson.decode, reason or 'null')
  if not isOurs or type(failure) ~= 'table' or isUnrun then return end
  local isList, starts = pcall(cjson.decode, history or '[]')
  local isEntry, last = pcall(cjson.decode, isList and type(starts) == 'table' and starts[#starts] or 'null')
  if isEntry and type(last) == 'table' and last.startedAt == tonumber(startedAt) and last.attempt == failure.attempt then return end
  addStart(jobKey, history, failure.code == 'canceled' and 'canceled' or 'failed', failure.attempt, endedAt, failure)
end

local id = ARGV[1]
local run = redis.call('HGET', KEYS[1], 'run') or '1'
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'removing') == 1 then return 'missing' end
if run ~= ARGV[2] or not redis.call('ZSCORE', KEYS[2], id) then return 'not_retryable' end
local record = ARGV[3]
if ARGV[11] ~= '' then
  local stored = redis.call('HGET', KEYS[1], 'data')
  local cut = #stored - ARGV[11] - 1
  -- As read-job.lua cuts it.
  if string.sub(stored, cut - 7, cut) ~= '"input":' then return 'not_retryable' end
  record = string.sub(record, 1, -#'null}' - 1) .. string.sub(stored, cut + 1)
end
local holder = ARGV[10] ~= '' and claimKey(string.sub(KEYS[1], 1, -#id - 1), id, ARGV[10], tonumber(ARGV[7]))
if holder then return { 'claimed', holder } end
redis.call('ZREM', KEYS[2], id)
removeLabels(string.sub(KEYS[1], 1, -#id - 1), id, false)
redis.call('UNLINK', KEYS[1] .. ':output', KEYS[1] .. ':checkpoint')
local last = dropValues(KEYS[1])
if ARGV[9] == '' then
  redis.call('HDEL', KEYS[1], 'stacktrace')
else
  keepLastStart(KEYS[1])
end
redis.call('HDEL', KEYS[1], 'finishedOn', 'processedOn', 'returnvalue', 'failedReason', 'progress', 'defa', 'stc', 'lostStarts', 'unrun', 'pb', 'cancelRequestedAt',
  'unknownSince', 'blockedWorker', 'outputName', 'outputBytes', 'checkpoint', 'signals', 'children', 'parked', 'waiter', 'place', 'atm', 'ats')
redis.call('HSET', KEYS[1], 'data', record, 'run', run + 1, 'eventsBeforeRun', last, 'releasedAt', ARGV[7])
if ARGV[5] ~= '' then redis.call('ZADD', KEYS[8], ARGV[5], 's:' .. id) end
if ARGV[6] ~= '' then redis.call('ZADD', KEYS[8], ARGV[6], 'd:' .. id) end
if ARGV[8] ~= '' then redis.call('ZADD', KEYS[9], ARGV[7], id) end
-- As BullMQ adds a job: behind those of the same priority, with a marker that wakes a worker.
local priority = tonumber(redis.call('HGET', KEYS[1], 'priority') or 10)
if priority == 0 then
  redis.call('LPUSH', string.sub(KEYS[1], 1, -#id - 1) .. 'wait', id)
else
  local entry = readyOf(string.sub(KEYS[1], 1, -#id - 1))
  entry.enter({ entry.read(id) }, ARGV[7])
end
if redis.call('HEXISTS', KEYS[6], 'paused') == 0 then redis.call('ZADD', KEYS[5], 0, '0') end
writeEvent(string.sub(KEYS[1], 1, -#id - 1), 'waiting', 'jobId', id, 'prev', 'failed')
redis.call('PUBLISH', ARGV[4], 'changed')
return 'reopened'
