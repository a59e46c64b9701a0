-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/retention
-- include bullmq/lib/labels
-- include bullmq/lib/values
--[[
  Brings ended jobs of a flow in one queue back to where they were before the flow came to them, for the flow's next run.
  KEYS: failed, time limits, waiting-children, completed   ARGV: prefix of the job keys, run of the flow, for each: id, data, size of its input if that is large or ''
]]
for i = 3, #ARGV, 3 do
  local id = ARGV[i]
  local jobKey = ARGV[1] .. id
  local run, flowRun = unpack(redis.call('HMGET', jobKey, 'run', 'flowRun'))
  if tonumber(flowRun or ARGV[2]) < tonumber(ARGV[2]) and (redis.call('ZREM', KEYS[1], id) == 1 or redis.call('ZREM', KEYS[4], id) == 1) then
    removeLabels(ARGV[1], id, false)
    local last = dropValues(jobKey)
    redis.call('HDEL', jobKey, 'finishedOn', 'processedOn', 'returnvalue', 'failedReason', 'stacktrace', 'progress', 'defa', 'stc', 'lostStarts', 'unrun', 'pb',
      'cancelRequestedAt', 'unknownSince', 'blockedWorker', 'releasedAt', 'outputName', 'outputBytes', 'checkpoint', 'signals', 'inputBytes', 'place', 'atm', 'ats')
    if ARGV[i + 2] ~= '' then redis.call('HSET', jobKey, 'inputBytes', ARGV[i + 2]) end
    redis.call('UNLINK', jobKey .. ':output', jobKey .. ':checkpoint')
    redis.call('HSET', jobKey, 'data', ARGV[i + 1], 'run', (run or 1) + 1, 'blocked', 1,
      'flowRun', ARGV[2], 'eventsBeforeRun', last)
    redis.call('ZREM', KEYS[2], 's:' .. id, 'd:' .. id)
    -- Here BullMQ counts it, and its tools do not take it for a job that was lost.
    redis.call('ZADD', KEYS[3], redis.call('HGET', jobKey, 'timestamp'), id)
    -- The sweep forgets that a queue needs them when nothing waits in it.
    local turn, gates = unpack(redis.call('HMGET', jobKey, 'turn', 'gates'))
    if turn or gates then
      local ready = readyOf(ARGV[1])
      if turn then ready.needFair() end
      if gates then ready.needSlots() end
    end
    redis.call('PUBLISH', jobKey, 'changed')
  end
end
