-- include bullmq/lib/retention
-- include bullmq/lib/labels
-- include bullmq/lib/remove-hash
-- include bullmq/lib/remove-one
-- include bullmq/lib/note-evicted
-- include bullmq/lib/kept-ms
--[[
  Evicts ended jobs: removes them before their time. Whatever happened since the caller found them, it keeps a job that runs again, that ended later
  than `ended before`, that owes a webhook, that belongs to a flow, or whose channel has a listener. A job with an idempotency claim, which is in
  another slot, is only marked: the caller lets the claim expire, removes the field `claim` and calls again.
  KEYS: completed, failed, time limits, index, webhook debts, evicted
  ARGV: prefix of the job keys, ended before, ms that an ended job is kept, ms that a failed one is, for each: id, tenant, '1' where its id is noted or ''
  Returns { ids that were removed }, { id, claim, kept until, … of those that were marked }
]]
local time = redis.call('TIME')
local q = {
  completed = KEYS[1],
  failed = KEYS[2],
  timeLimits = KEYS[3],
  index = KEYS[4],
  webhookDebts = KEYS[5],
  jobs = ARGV[1],
  now = time[1] * 1000 + math.floor(time[2] / 1000),
}
local removed, marked = {}, {}
local channels = {}
for i = 5, #ARGV, 3 do channels[#channels + 1] = ARGV[1] .. ARGV[i] end
local heard = redis.call('PUBSUB', 'NUMSUB', unpack(channels))
for i = 5, #ARGV, 3 do
  local id, tenant = ARGV[i], ARGV[i + 1]
  local jobKey = q.jobs .. id
  local name, finished, claim, flow, removing, entry, keep, failure =
    unpack(redis.call('HMGET', jobKey, 'name', 'finishedOn', 'claim', 'flow', 'removing', 'indexEntry', 'keepMs', 'failedReason'))
  -- A client's own removal goes on by itself: it gives the claim up.
  local isEvictable = name and finished and tonumber(finished) <= tonumber(ARGV[2]) and not flow and removing ~= '1'
  if isEvictable and heard[2 * (i - 5) / 3 + 2] == 0 and not redis.call('ZSCORE', q.webhookDebts, id) then
    local kept = keptMs(keep, redis.call('ZSCORE', q.completed, id), failure, tonumber(ARGV[3]), tonumber(ARGV[4]))
    if claim then
      -- From now on it can neither be retried nor get another claim. The first that a sweep finds, should this process die.
      redis.call('HSET', jobKey, 'removing', 'evicted')
      redis.call('ZADD', q.completed, 'XX', 0, id)
      redis.call('ZADD', q.failed, 'XX', 0, id)
      marked[#marked + 1], marked[#marked + 2] = id, claim
      marked[#marked + 1] = string.format('%.0f', finished + kept)
    else
      removeOne(q, id, entry or tenant .. ':' .. string.sub(id, -26), removing)
      if ARGV[i + 2] ~= '' then noteEvicted(KEYS[6], id, tenant, kept) end
      removed[#removed + 1] = id
    end
  end
end
return { removed, marked }
