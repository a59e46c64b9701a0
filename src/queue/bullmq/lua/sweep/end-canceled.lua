-- Ends canceled jobs whose worker vanished before it ended them, where a version canceled them that sets no limit for that (see end-overdue.lua):
-- those of the oldest that are still active, and those that were given back to the queue. `ended` gets { type, failure, id, tenant } of each job.
local function endCanceled(q, ended)
  for _, id in ipairs(redis.call('LRANGE', q.active, -100, -1)) do
    local jobKey = q.jobs .. id
    if redis.call('EXISTS', jobKey .. ':lock') == 0 and redis.call('HEXISTS', jobKey, 'cancelRequestedAt') == 1 then
      local failure = redis.call('HGET', jobKey, 'defa')
      if failure and takeOutAbandoned(q, id) then ended[#ended + 1] = endUnattended(q, id, failure) end
    end
  end
  for _, id in ipairs(redis.call('LRANGE', q.wait, -100, -1)) do
    local canceled, failure = unpack(redis.call('HMGET', q.jobs .. id, 'cancelRequestedAt', 'defa'))
    if canceled and failure and takeOutWaiting(q, id) then ended[#ended + 1] = endUnattended(q, id, failure) end
  end
end

