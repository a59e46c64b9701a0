-- Needs ready.lua. Takes a job out of the set in which it waits. `q`: keys of a queue. Returns false when it waits in none.
local function takeOutWaiting(q, id)
  local ready = readyOf(q.jobs)
  if ready.takeOut(id) or redis.call('ZREM', q.delayed, id) == 1 then return true end
  if redis.call('LREM', q.wait, 1, id) == 0 then return false end
  ready.leave(id, false)
  return true
end

-- Needs active-list.lua and ready.lua. Takes a job out of the active list if nobody holds its lock: its worker has vanished. Returns false when it is not such a job.
local function takeOutAbandoned(q, id)
  if redis.call('EXISTS', q.jobs .. id .. ':lock') == 1 or removeActive(q.active, q.jobs, id) == 0 then return false end
  redis.call('SREM', q.stalled, id)
  -- As BullMQ's check counts such starts.
  redis.call('HINCRBY', q.jobs .. id, 'stc', 1)
  readyOf(q.jobs).leave(id, false)
  return true
end

-- Ends as failed a job that was taken out. Needs end-job.lua and tenant-of.lua. Returns { type, failure, id, tenant }.
local function endUnattended(q, id, failure)
  local jobKey = q.jobs .. id
  endJob(jobKey, jobKey .. ':lock', q.failed, jobKey, id, failure, q.now, q.webhookDebts)
  local name, data = unpack(redis.call('HMGET', jobKey, 'name', 'data'))
  return { name or '', failure, id, tenantOf(data) }
end

