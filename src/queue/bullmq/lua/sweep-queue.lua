-- include bullmq/lib/end-job
-- include bullmq/lib/remove-hash
--[[
  Does for one queue what no worker will do. One sweeper at a time, by a lease that its holder renews with each sweep.
  KEYS: lease, time limits, prioritized, delayed, wait, active, stalled, failed, completed, index, webhook debts
  ARGV: sweeper, lease in ms, ms that an ended job is kept, most jobs of each kind, prefix of the job keys, where in the index
        to look for entries without a job, what ids begin with before their ULID, ULID below which an entry's job must exist
  Returns nil without the lease, or { { type, failure } of each job ended, jobs removed, { job key, its claim, … } of those
  that still have one, where to look next, ids of ended jobs that owe a webhook, { job key, its flow, … } of those that belong to one }
]]
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return nil end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most = tonumber(ARGV[4])
local ended, removed, claims, members = {}, 0, {}, {}

local function isWaiting(id)
  return redis.call('ZREM', KEYS[3], id) == 1 or redis.call('ZREM', KEYS[4], id) == 1 or redis.call('LREM', KEYS[5], 1, id) == 1
end

-- No lock, and yet active: its worker has vanished.
local function wasLeft(jobKey, id)
  if redis.call('EXISTS', jobKey .. ':lock') == 1 or redis.call('LREM', KEYS[6], 1, id) == 0 then return false end
  redis.call('SREM', KEYS[7], id)
  return true
end

local function failureOf(code, message, attempt)
  return cjson.encode({ code = code, message = message, retryable = false, attempt = attempt })
end

local function endAsFailed(jobKey, id, failure)
  endJob(jobKey, jobKey .. ':lock', KEYS[8], jobKey, id, failure, now, KEYS[11])
  ended[#ended + 1] = { redis.call('HGET', jobKey, 'name') or '', failure }
end

-- 1. Time limits: `s:<id>` it had to start by then, `d:<id>` its deadline.
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, most)) do
  local isDeadline, id = string.sub(member, 1, 2) == 'd:', string.sub(member, 3)
  local jobKey = ARGV[5] .. id
  local finished, canceled, attempts, starts =
    unpack(redis.call('HMGET', jobKey, 'finishedOn', 'cancelRequestedAt', 'atm', 'ats'))
  attempts, starts = tonumber(attempts or 0), tonumber(starts or 0)
  -- A start that no attempt's end has followed: its worker vanished.
  if starts > attempts then attempts = attempts + 1 end
  local failure
  if isDeadline then
    failure = failureOf('deadline_exceeded', attempts == 0 and 'its deadline came while it waited' or 'its deadline came', attempts)
  else
    failure = failureOf('not_started_in_time', 'no worker started it in time', 0)
  end
  local exists = redis.call('EXISTS', jobKey) == 1
  -- A cancelled job can only end so, whatever its limits say.
  local isOver = finished or canceled or (not isDeadline and starts > 0)
  if exists and not isOver and (isWaiting(id) or (isDeadline and wasLeft(jobKey, id))) then
    endAsFailed(jobKey, id, failure)
    isOver = true
  end
  if isOver then
    redis.call('ZREM', KEYS[2], member)
  elseif exists then
    -- Running: its worker ends it at the deadline. Looked at again in case the worker vanishes.
    redis.call('ZADD', KEYS[2], now + 1000, member)
  elseif tonumber(redis.call('ZSCORE', KEYS[2], member)) < now - 60000 then
    -- The limit is stored just before its job: only after a while is a missing job one that was never stored, or is gone.
    redis.call('ZREM', KEYS[2], member)
  end
end

-- 2. Cancelled jobs whose worker vanished before it ended them: still active, or given back to the queue by the check for stalled
-- jobs, where they would wait for a worker that has room.
for _, id in ipairs(redis.call('LRANGE', KEYS[6], 0, 4999)) do
  local jobKey = ARGV[5] .. id
  if redis.call('EXISTS', jobKey .. ':lock') == 0 and redis.call('HEXISTS', jobKey, 'cancelRequestedAt') == 1 then
    local failure = redis.call('HGET', jobKey, 'defa')
    if failure and wasLeft(jobKey, id) then
      endAsFailed(jobKey, id, failure)
    end
  end
end
for _, id in ipairs(redis.call('LRANGE', KEYS[5], 0, 4999)) do
  local jobKey = ARGV[5] .. id
  local canceled, failure = unpack(redis.call('HMGET', jobKey, 'cancelRequestedAt', 'defa'))
  if canceled and failure and isWaiting(id) then endAsFailed(jobKey, id, failure) end
end

-- 3. Webhooks that ended jobs owe: the caller makes them. Usually whoever ended a job has done it, so that these have not
-- ended: looked at again the later, the longer they last.
local owing = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[11], '-inf', now, 'LIMIT', 0, most * 5)) do
  local created, finished = unpack(redis.call('HMGET', ARGV[5] .. id, 'timestamp', 'finishedOn'))
  if finished then
    owing[#owing + 1] = id
    redis.call('ZADD', KEYS[11], now + 5000, id)
  elseif created then
    redis.call('ZADD', KEYS[11], now + math.max(1000, math.min(30000, (now - created) / 4)), id)
  elseif tonumber(redis.call('ZSCORE', KEYS[11], id)) < now - 60000 then
    -- As a limit's: its job was never stored.
    redis.call('ZREM', KEYS[11], id)
  end
end

-- 4. Ended jobs whose time is over, with all that belongs to them. A claim lies in another slot: the caller removes it first.
for _, set in ipairs({ KEYS[8], KEYS[9] }) do
  local ids = redis.call('ZRANGEBYSCORE', set, '-inf', now - ARGV[3], 'LIMIT', 0, most)
  for _, id in ipairs(ids) do
    local jobKey = ARGV[5] .. id
    local claim, data, flow, removing = unpack(redis.call('HMGET', jobKey, 'claim', 'data', 'flow', 'removing'))
    -- The record begins with its version and its tenant: no need to read the rest, which may be long.
    local tenant = string.match(data or '', '^{"v":%d+,"tenant":"([^"]+)"') or '-'
    if flow then
      -- It goes with its flow. Looked at again after as long, in case the flow is gone: the caller finds out.
      redis.call('ZADD', set, now, id)
      members[#members + 1], members[#members + 2] = jobKey, flow
    elseif claim then
      -- From now on it can neither be opened again nor get another claim, as in begin-removal.lua.
      redis.call('HSET', jobKey, 'removing', 1)
      redis.call('ZADD', set, 0, id)
      claims[#claims + 1], claims[#claims + 2] = jobKey, claim
    -- First its webhook, see above.
    elseif not redis.call('ZSCORE', KEYS[11], id) then
      -- Marked by the sweep that gave up its claim, or by a client's removal that was not ended.
      removeHash(jobKey, removing, now)
      redis.call('UNLINK', jobKey .. ':events', jobKey .. ':output', jobKey .. ':logs')
      redis.call('ZREM', KEYS[2], 's:' .. id, 'd:' .. id)
      redis.call('ZREM', set, id)
      redis.call('ZREM', KEYS[10], tenant .. ':' .. string.sub(id, -26))
      removed = removed + 1
    end
  end
end

-- 5. Entries of the index whose job was never stored. An entry is written just before its job.
local from = tonumber(ARGV[6])
local entries = redis.call('ZRANGE', KEYS[10], from, from + most - 1)
local kept = 0
for _, entry in ipairs(entries) do
  local ulid = string.sub(entry, -26)
  if ulid > ARGV[8] or redis.call('EXISTS', ARGV[5] .. ARGV[7] .. ulid) == 1 then
    kept = kept + 1
  else
    redis.call('ZREM', KEYS[10], entry)
  end
end
return { ended, removed, claims, #entries == 0 and 0 or from + kept, owing, members }
