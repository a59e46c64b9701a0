-- Ends a job as failed. Needs write-event.lua, labels.lua, values.lua, checkpoint.lua and slim-job.lua. The caller has removed it from the set that it was in, or knows that it is in none. A webhook that
-- it owes becomes due; jobs of flows have none (`debts` nil). `isQuiet`: the coordinator of its flow knows it already.
local function endJob(jobKey, lockKey, failedKey, channel, id, failure, now, debts, isQuiet)
  redis.call('HSET', jobKey, 'failedReason', failure, 'finishedOn', now)
  redis.call('HDEL', jobKey, 'defa', 'blocked', 'parked')
  redis.call('DEL', lockKey)
  -- What its worker had stored of an output when something else ended the job.
  redis.call('UNLINK', jobKey .. ':output')
  redis.call('ZADD', failedKey, now, id)
  if debts then redis.call('ZADD', debts, 'XX', 0, id) end
  local prefix = string.sub(jobKey, 1, -#id - 1)
  local failed = labelEnd(prefix, id, failure)
  writeEvent(prefix, 'failed', 'jobId', id, 'failedReason', failure)
  redis.call('PUBLISH', channel, 'ended')
  local flow, hints, waiter, signals, children = unpack(redis.call('HMGET', jobKey, 'flow', 'flowHints', 'waiter', 'signals', 'children'))
  if dropRunning(jobKey, waiter, false) or signals then compactEvents(jobKey, failed) end
  if waiter then redis.call('PUBLISH', waiter, id .. ' ended') end
  -- A later version does not store it.
  hints = hints or string.match(prefix, '^(.*):{[^}]*}:') .. ':{flows}:hints'
  if flow and not isQuiet then redis.call('PUBLISH', hints, flow .. ' ' .. id) end
  if children then redis.call('PUBLISH', hints, id) end
end

