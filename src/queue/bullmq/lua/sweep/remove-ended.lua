-- Removes jobs that ended before `endedBefore`, with everything that belongs to them, and those whose eviction was interrupted. Returns how many
-- were removed, and those that the caller has to look after first: { job key, its idempotency claim, until when an evicted job promised it or '', … },
-- which is in another slot, and { job key, its flow, … }.
local function removeEnded(q, ttlMs)
  local removed, claims, ofFlows = 0, {}, {}
  for _, set in ipairs({ q.failed, q.completed }) do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', q.now - ttlMs, 'LIMIT', 0, q.limit)) do
      local jobKey = q.jobs .. id
      local claim, data, flow, removing, entry, finished =
        unpack(redis.call('HMGET', jobKey, 'claim', 'data', 'flow', 'removing', 'indexEntry', 'finishedOn'))
      local tenant = tenantOf(data)
      if flow then
        -- It is removed with its flow. Looked at again after as long in case the flow is gone: the caller finds out.
        redis.call('ZADD', set, q.now, id)
        ofFlows[#ofFlows + 1], ofFlows[#ofFlows + 2] = jobKey, flow
      elseif claim then
        -- From now on it can neither be retried nor get another claim, as in begin-removal.lua.
        redis.call('HSETNX', jobKey, 'removing', 1)
        redis.call('ZADD', set, 0, id)
        claims[#claims + 1], claims[#claims + 2] = jobKey, claim
        claims[#claims + 1] = removing == 'evicted' and string.format('%.0f', finished + ttlMs) or ''
      elseif not redis.call('ZSCORE', q.webhookDebts, id) then
        -- `removing`: it had a claim, which the previous sweep gave up, or a client's removal was interrupted.
        removeOne(q, id, entry or tenant .. ':' .. string.sub(id, -26), removing)
        if removing == 'evicted' then noteEvicted(q.evicted, id, tenant, ttlMs) end
        removed = removed + 1
      end
    end
  end
  return removed, claims, ofFlows
end

