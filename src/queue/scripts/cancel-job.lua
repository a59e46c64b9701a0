--[[
  Cancels a job, wherever it is, at one moment. A waiting one ends. A running one is marked, and its lock passes from the
  worker to the cancel: from now on the worker's own completion is refused, and a crash of the worker ends in `defa`, with
  which BullMQ fails a job that is picked up again, unrun.
  KEYS: job, lock, delayed, prioritized, wait, active, stalled, failed, webhook debts
  ARGV: id, now, message, cancel token, ms for the worker to end it, the job's channel, the workers' channel
  Returns missing | done | ended | signaled
]]
local id, now = ARGV[1], ARGV[2]
if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
if redis.call('HEXISTS', KEYS[1], 'finishedOn') == 1 then return 'done' end
if redis.call('HSETNX', KEYS[1], 'cancelRequestedAt', now) == 0 then return 'signaled' end

local attempts = tonumber(redis.call('HGET', KEYS[1], 'atm') or 0)
local function failure(stopped, attempt)
  return cjson.encode({ code = 'canceled', message = ARGV[3], retryable = false, attempt = attempt, stopped = stopped })
end

local workersToken = redis.call('GET', KEYS[2])
if workersToken then
  redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
  redis.call('HSET', KEYS[1], 'defa', failure('killed', attempts + 1))
  -- With its count of stalls BullMQ would put its own failure in the place of this one.
  redis.call('HDEL', KEYS[1], 'stc')
  redis.call('PUBLISH', ARGV[7], id .. ' ' .. workersToken)
  redis.call('PUBLISH', ARGV[6], 'changed')
  return 'signaled'
end

local vanished = redis.call('LREM', KEYS[6], 1, id) == 1
if vanished then
  redis.call('SREM', KEYS[7], id)
elseif redis.call('ZREM', KEYS[4], id) == 0 and redis.call('ZREM', KEYS[3], id) == 0 then
  -- Only what came back from a vanished worker waits in this list, so that it is short.
  redis.call('LREM', KEYS[5], 1, id)
end
local why = vanished and failure('killed', attempts + 1) or failure('never_started', attempts)
endJob(KEYS[1], KEYS[2], KEYS[8], ARGV[6], id, why, now, KEYS[9])
return 'ended'
