-- include bullmq/lib/labels
--[[
  Removes ended jobs of a flow in one queue with all that belongs to them. One that is blocked can never run without its flow, and is removed,
  too; any other that has not ended becomes a job by itself.
  KEYS: completed, failed, time limits, index   ARGV: prefix of the job keys, tenant, id…
]]
for i = 3, #ARGV do
  local id = ARGV[i]
  local jobKey = ARGV[1] .. id
  local name, finished, blocked = unpack(redis.call('HMGET', jobKey, 'name', 'finishedOn', 'blocked'))
  if name and not (finished or blocked) then
    redis.call('HDEL', jobKey, 'flow', 'flowHints')
  else
    removeLabels(ARGV[1], id, true)
    redis.call('UNLINK', jobKey, jobKey .. ':events', jobKey .. ':output', jobKey .. ':values', jobKey .. ':logs')
    redis.call('ZREM', ARGV[1] .. 'waiting-children', id)
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('ZREM', KEYS[3], 's:' .. id, 'd:' .. id)
    redis.call('ZREM', KEYS[4], ARGV[2] .. ':' .. string.sub(id, -26))
  end
end
