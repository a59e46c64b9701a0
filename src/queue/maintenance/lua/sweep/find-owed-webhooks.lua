-- Returns the ids of ended jobs that owe a webhook. The process that ended a job usually stores its delivery: most jobs in the set have
-- not ended, and are checked less often the older they are.
local function findOwedWebhooks(q)
  local owed = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', q.webhookDebts, '-inf', q.now, 'LIMIT', 0, q.limit * 5)) do
    local created, finished = unpack(redis.call('HMGET', q.jobs .. id, 'timestamp', 'finishedOn'))
    if finished then
      owed[#owed + 1] = id
      redis.call('ZADD', q.webhookDebts, q.now + 5000, id)
    elseif created then
      redis.call('ZADD', q.webhookDebts, q.now + math.max(1000, math.min(30000, (q.now - created) / 4)), id)
    elseif tonumber(redis.call('ZSCORE', q.webhookDebts, id)) < q.now - 60000 then
      -- A debt is stored just before its job: this job was never stored.
      redis.call('ZREM', q.webhookDebts, id)
    end
  end
  return owed
end

