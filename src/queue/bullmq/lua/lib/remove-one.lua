-- Removes an ended job with everything that belongs to it: a deletion, an expiry and an eviction are this. Needs labels.lua, retention.lua and
-- remove-hash.lua.
-- `q`: keys of its queue. `entry`: its entry in the index. `hadClaim`: see remove-hash.lua.
local function removeOne(q, id, entry, hadClaim)
  local jobKey = q.jobs .. id
  -- Its children may not be looked after yet: those of a success go on.
  if redis.call('HEXISTS', jobKey, 'children') == 1 and redis.call('HEXISTS', jobKey, 'returnvalue') == 1 and redis.call('EXISTS', jobKey .. ':children') == 1 then
    redis.call('HSET', jobKey .. ':children', 'succeeded', redis.call('HGET', jobKey, 'run') or 1)
  end
  removeLabels(q.jobs, id, true)
  removeHash(jobKey, hadClaim, q.now)
  redis.call('UNLINK', jobKey .. ':events', jobKey .. ':output', jobKey .. ':values', jobKey .. ':logs', jobKey .. ':checkpoint')
  redis.call('ZREM', q.completed, id)
  redis.call('ZREM', q.failed, id)
  redis.call('ZREM', q.timeLimits, 's:' .. id, 'd:' .. id)
  redis.call('ZREM', q.index, entry)
  redis.call('ZREM', q.webhookDebts, id)
  redis.call('ZREM', retentionKey(q.jobs), id)
end

