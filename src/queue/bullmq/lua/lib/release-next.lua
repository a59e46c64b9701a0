-- Releases the step of a chain that the success of a job releases, where it is blocked in the same run of their flow: see plainSuccessor in
-- plan.ts. `filled` and `record`: the step whose input the worker has completed with the output, and the record that it gets. Needs queue-job.lua and ready.lua; `ready` is nil where neither fairness nor limits are in use. Sets no marker. Returns its id.
local function releaseNext(ready, prefix, sets, jobKey, now, filled, record)
  local next, run = unpack(redis.call('HMGET', jobKey, 'next', 'flowRun'))
  next = filled or next
  if not next then return nil end
  local nextKey = prefix .. next
  local blocked, nextRun, priority, data = unpack(redis.call('HMGET', nextKey, 'blocked', 'flowRun', 'priority', 'data'))
  if not blocked or nextRun ~= run then return nil end
  -- As releasedRecord writes it. A record begins with its version and its tenant.
  local head, rest = string.match(record or data, '^({"v":%d+,"tenant":"[^"\\]*",)(.*)$')
  if not head then return nil end
  redis.call('ZREM', prefix .. 'waiting-children', next)
  redis.call('HDEL', nextKey, 'blocked')
  redis.call('HSET', nextKey, 'data', head .. '"reopenedAt":' .. now .. ',' .. rest, 'releasedAt', now)
  if ready then
    ready.enter({ ready.read(next) }, now)
  else
    enterPlainly({ priority or 10, next }, sets)
  end
  redis.call('PUBLISH', nextKey, 'changed')
  return next
end
