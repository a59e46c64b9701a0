-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/write-event
-- include bullmq/lib/retention
-- include bullmq/lib/labels
-- include bullmq/lib/values
-- include bullmq/lib/checkpoint
-- include bullmq/lib/slim-job
-- include bullmq/lib/end-job
--[[
  The flow has come to some of its blocked jobs in one queue: each is queued with its complete record, or fails unrun. What is
  not blocked any more was released before, or has ended: it stays as it is.
  One script and no add of BullMQ's: the job is there already, with its id, and is only moved.
  KEYS: prioritized, delayed, priority counter, marker, meta, time limits, failed, waiting-children
  ARGV: prefix of the job keys, now, for each: id, 'release' or 'fail', data or failure, due at or '', start by or '', deadline or '',
        size of its input if that is large or '', fairness and gates that its input gives it as a JSON list or '' where they stay
  Returns the places in this list, from 1 on, of those that failed by this call, and of those that were not blocked.
]]
local failed, before = {}, {}
local sets = { KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5] }
local entry = readyOf(ARGV[1])
for i = 3, #ARGV, 8 do
  local id = ARGV[i]
  local jobKey = ARGV[1] .. id
  local blocked = redis.call('HGET', jobKey, 'blocked')
  if blocked then
    redis.call('ZREM', KEYS[8], id)
    if ARGV[i + 1] == 'fail' then
      endJob(jobKey, jobKey .. ':lock', KEYS[7], jobKey, id, ARGV[i + 2], ARGV[2])
      failed[#failed + 1] = (i + 5) / 8
    else
      redis.call('HDEL', jobKey, 'blocked', 'inputBytes')
      if ARGV[i + 6] ~= '' then redis.call('HSET', jobKey, 'inputBytes', ARGV[i + 6]) end
      redis.call('HSET', jobKey, 'data', ARGV[i + 2], 'releasedAt', ARGV[2])
      if ARGV[i + 7] ~= '' then
        local keys = cjson.decode(ARGV[i + 7])
        redis.call('HDEL', jobKey, 'turn', 'gates')
        if #keys > 0 then redis.call('HSET', jobKey, unpack(keys)) end
      end
      limitTime(KEYS[6], id, ARGV[i + 4], ARGV[i + 5])
      local dueAt = tonumber(ARGV[i + 3])
      if dueAt and dueAt > tonumber(ARGV[2]) then
        delayJob(sets, id, dueAt)
      else
        entry.enter({ entry.read(id) }, ARGV[2])
        wakeWorker(sets)
      end
      writeEvent(ARGV[1], 'waiting', 'jobId', id, 'prev', 'waiting-children')
      redis.call('PUBLISH', jobKey, 'changed')
    end
  else
    before[#before + 1] = (i + 5) / 8
  end
end
return { failed, before }
