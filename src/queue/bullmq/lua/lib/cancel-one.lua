-- Needs active-list.lua, ready.lua and park.lua. Cancels a job, wherever it is, at one moment: see cancel-job.lua. `sets`: delayed, prioritized, wait, active, stalled, failed,
-- and the webhook debts, where there may be any.
-- Returns missing | done | ended | signaled
local function cancelOne(jobKey, sets, id, now, message, graceMs, channel, workersChannel, isQuiet)
  local lockKey, prefix = jobKey .. ':lock', string.sub(jobKey, 1, -#id - 1)
  if redis.call('EXISTS', jobKey) == 0 then return 'missing' end
  if redis.call('HEXISTS', jobKey, 'finishedOn') == 1 then return 'done' end
  if redis.call('HSETNX', jobKey, 'cancelRequestedAt', now) == 0 then return 'signaled' end

  local attempts = tonumber(redis.call('HGET', jobKey, 'atm') or 0)
  local function failure(stopped, attempt)
    return cjson.encode({ code = 'canceled', message = message, retryable = false, attempt = attempt, stopped = stopped })
  end

  local workersToken = redis.call('GET', lockKey)
  if workersToken then
    redis.call('SET', lockKey, 'cancel:' .. workersToken, 'PX', graceMs)
    redis.call('HSET', jobKey, 'defa', failure('killed', attempts + 1))
    -- With its count of stalls BullMQ would put its own failure in the place of this one.
    redis.call('HDEL', jobKey, 'stc', 'lostStarts')
    -- By then the sweep ends it, if nobody else has.
    redis.call('ZADD', string.match(prefix, '^.*}') .. ':time-limits', now + graceMs, 'c:' .. id)
    redis.call('PUBLISH', workersChannel, id .. ' ' .. workersToken)
    redis.call('PUBLISH', channel, 'changed')
    return 'signaled'
  end

  local isParked = takeOutParked(prefix, id)
  local isBlocked = isParked or redis.call('HEXISTS', jobKey, 'blocked') == 1
  local vanished = false
  if isBlocked and not isParked then redis.call('ZREM', prefix .. 'waiting-children', id) end
  -- The lists last: a search in them is a walk.
  local ready = readyOf(prefix)
  if not isBlocked and not ready.takeOut(id) and redis.call('ZREM', sets[1], id) == 0 then
    -- Only what came back from a vanished worker waits in this list, so that it is short.
    vanished = redis.call('LREM', sets[3], 1, id) == 0 and removeActive(sets[4], prefix, id) == 1
    if vanished then
      redis.call('SREM', sets[5], id)
      redis.call('HINCRBY', jobKey, 'stc', 1)
    end
    ready.leave(id, false)
  end
  local why = vanished and failure('killed', attempts + 1) or failure('never_started', attempts)
  -- Its handler is gone.
  if isParked then why = failure('cooperatively', attempts + 1) end
  endJob(jobKey, lockKey, sets[6], channel, id, why, now, sets[7], isQuiet)
  return 'ended'
end

