-- Removes an ended job whose time is over, with everything that belongs to it. Needs remove-one.lua, note-evicted.lua, kept-ms.lua and tenant-of.lua.
-- `baseMs`: for how long most jobs of its set are kept. `found` gets what the caller has to look after first: in `claims` { job key, its idempotency
-- claim, until when an evicted job promised it or '', … }, which is in another slot, and in `ofFlows` { job key, its flow, … }.
local function removeOver(q, set, baseMs, id, found)
  local jobKey = q.jobs .. id
  local claim, data, flow, removing, entry, finished, keep, failure =
    unpack(redis.call('HMGET', jobKey, 'claim', 'data', 'flow', 'removing', 'indexEntry', 'finishedOn', 'keepMs', 'failedReason'))
  local tenant = tenantOf(data)
  local kept = keptMs(keep, set == q.completed, failure, q.ttlMs, q.failedTtlMs)
  if flow then
    -- It is removed with its flow. Looked at again after as long in case the flow is gone: the caller finds out.
    redis.call('ZADD', set, q.now, id)
    found.ofFlows[#found.ofFlows + 1], found.ofFlows[#found.ofFlows + 2] = jobKey, flow
  elseif finished and not removing and finished + kept > q.now then
    -- It is kept for longer than others of its set, and stands where it is found when its time is over.
    redis.call('ZADD', set, finished + kept - baseMs, id)
    found.moved = found.moved + 1
  elseif claim then
    -- From now on it can neither be retried nor get another claim, as in begin-removal.lua.
    redis.call('HSETNX', jobKey, 'removing', 1)
    redis.call('ZADD', set, 0, id)
    local claims = found.claims
    claims[#claims + 1], claims[#claims + 2] = jobKey, claim
    claims[#claims + 1] = removing == 'evicted' and string.format('%.0f', finished + kept) or ''
  elseif not redis.call('ZSCORE', q.webhookDebts, id) then
    -- `removing`: it had a claim, which the previous sweep gave up, or a client's removal was interrupted.
    removeOne(q, id, entry or tenant .. ':' .. string.sub(id, -26), removing)
    if removing == 'evicted' then noteEvicted(q.evicted, id, tenant, kept) end
    found.removed = found.removed + 1
  end
end

-- Removes the jobs whose time is over, and those whose eviction was interrupted. Returns `found`, as above, with how many were `removed` and how many `moved` to a
-- later place.
local function removeEnded(q)
  local found = { removed = 0, moved = 0, claims = {}, ofFlows = {} }
  for set, baseMs in pairs({ [q.failed] = q.failedTtlMs, [q.completed] = q.ttlMs }) do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', q.now - baseMs, 'LIMIT', 0, q.limit)) do removeOver(q, set, baseMs, id, found) end
  end
  -- Those that are kept for a shorter time.
  local retention = retentionKey(q.jobs)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', retention, '-inf', q.now, 'LIMIT', 0, q.limit)) do
    local name, finished, flow, removing, keep, failure =
      unpack(redis.call('HMGET', q.jobs .. id, 'name', 'finishedOn', 'flow', 'removing', 'keepMs', 'failedReason'))
    local set = finished and redis.call('ZSCORE', q.completed, id) and q.completed or q.failed
    if not name or flow or removing or not (finished or keep) then
      -- What is marked is found among the first of its set. A job without a retention of its own is added anew when it is canceled or expires.
      redis.call('ZREM', retention, id)
    else
      local kept = keptMs(keep, set == q.completed, failure, q.ttlMs, q.failedTtlMs)
      local due = (finished or q.now) + kept
      -- One that owes a webhook does not go yet: others are looked at first.
      local isOwing = finished and redis.call('ZSCORE', q.webhookDebts, id)
      redis.call('ZADD', retention, isOwing and math.max(due, q.now + 1000) or due, id)
      if due > q.now or isOwing then found.moved = found.moved + 1 end
      if finished and due <= q.now then removeOver(q, set, set == q.completed and q.ttlMs or q.failedTtlMs, id, found) end
    end
  end
  return found
end

