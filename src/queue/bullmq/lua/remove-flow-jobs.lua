-- include bullmq/lib/retention
-- include bullmq/lib/labels
-- include bullmq/lib/remove-hash
-- include bullmq/lib/remove-one
-- include bullmq/lib/note-evicted
--[[
  Removes ended jobs of a flow in one queue with all that belongs to them. One that is blocked can never run without its flow, and is removed,
  too; any other that has not ended becomes a job by itself.
  KEYS: completed, failed, time limits, index, webhook debts, evicted
  ARGV: prefix of the job keys, tenant, ms that an ended job is kept where they are evicted or '', id…
]]
local q = { completed = KEYS[1], failed = KEYS[2], timeLimits = KEYS[3], index = KEYS[4], webhookDebts = KEYS[5], jobs = ARGV[1] }
for i = 4, #ARGV do
  local id = ARGV[i]
  local jobKey = ARGV[1] .. id
  local name, finished, blocked = unpack(redis.call('HMGET', jobKey, 'name', 'finishedOn', 'blocked'))
  if name and not (finished or blocked) then
    redis.call('HDEL', jobKey, 'flow', 'flowHints')
  else
    removeOne(q, id, ARGV[2] .. ':' .. string.sub(id, -26), false)
    redis.call('ZREM', ARGV[1] .. 'waiting-children', id)
    if name and ARGV[3] ~= '' then noteEvicted(KEYS[6], id, ARGV[2], ARGV[3]) end
  end
end
