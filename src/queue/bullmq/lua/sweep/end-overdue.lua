-- Ends jobs whose time limit has passed. In the set of limits `s:<id>` is the time by which a job must start, `d:<id>` its deadline, and `c:<id>` that by
-- which the worker of a canceled job should have ended it. Needs take-out.lua and park.lua.
-- `ended` gets { type, failure, id, tenant } of each job.
local function endOverdue(q, ended)
  local function failureOf(isDeadline, attempts)
    if not isDeadline then
      return cjson.encode({ code = 'not_started_in_time', message = 'no worker started it in time', retryable = false, attempt = 0 })
    end
    local message = attempts == 0 and 'its deadline passed while it waited' or 'its deadline passed'
    return cjson.encode({ code = 'deadline_exceeded', message = message, retryable = false, attempt = attempts })
  end

  for _, member in ipairs(redis.call('ZRANGEBYSCORE', q.timeLimits, '-inf', q.now, 'LIMIT', 0, q.limit)) do
    local kind, id = string.sub(member, 1, 2), string.sub(member, 3)
    local isDeadline, isCancel = kind == 'd:', kind == 'c:'
    local jobKey = q.jobs .. id
    local finished, canceled, attempts, starts, failure =
      unpack(redis.call('HMGET', jobKey, 'finishedOn', 'cancelRequestedAt', 'atm', 'ats', 'defa'))
    attempts, starts = tonumber(attempts or 0), tonumber(starts or 0)
    -- A start without the end of its attempt: the worker has vanished.
    if starts > attempts then attempts = attempts + 1 end
    local exists = redis.call('EXISTS', jobKey) == 1
    -- A canceled job can only end as canceled, whatever its limits are.
    local isOver = finished or isCancel and not (canceled and failure) or not isCancel and (canceled or not isDeadline and starts > 0)
    if exists and not isOver and (takeOutWaiting(q, id) or kind ~= 's:' and (takeOutParked(q.jobs, id) or takeOutAbandoned(q, id))) then
      ended[#ended + 1] = endUnattended(q, id, isCancel and failure or failureOf(isDeadline, attempts))
      isOver = true
    end
    if isOver then
      redis.call('ZREM', q.timeLimits, member)
    elseif exists then
      -- It is running: its worker ends it at the deadline, or when it was canceled. Checked again in case the worker vanishes.
      redis.call('ZADD', q.timeLimits, q.now + (isCancel and 100 or 1000), member)
    elseif tonumber(redis.call('ZSCORE', q.timeLimits, member)) < q.now - 60000 then
      -- A limit is stored just before its job: only after a while is a missing job one that was never stored, or was removed.
      redis.call('ZREM', q.timeLimits, member)
    end
  end
end

