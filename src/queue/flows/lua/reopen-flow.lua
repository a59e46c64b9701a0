--[[
  Opens the next run of an ended flow. Other nodes keep their end. KEYS: flow, ends, order, expansions
  ARGV: its run as the caller read it, how many jobs are blocked now, deadline or '', how many nodes and jobs are given up,
        how many maps are expanded anew, their nodes, for each node that is to end anew or is given up: node, its state where it is a job, else ''
  Returns 1, or 0 when the flow has changed since the caller read it.
]]
local run, finished, removing = unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'removing'))
if run ~= ARGV[1] or not finished or removing then return 0 end
local maps = 6 + ARGV[6]
for i = 7, maps do
  local stored = 'stored:' .. ARGV[i]
  redis.call('HDEL', KEYS[4], ARGV[i], stored, stored .. ':admitted', stored .. ':items')
end
local again = {}
for i = maps + 1, #ARGV, 2 do
  if redis.call('HDEL', KEYS[2], ARGV[i]) == 1 then
    again[ARGV[i]] = true
    if ARGV[i + 1] ~= '' then redis.call('HINCRBY', KEYS[1], ARGV[i + 1], -1) end
  end
end
local order = redis.call('LRANGE', KEYS[3], 0, -1)
redis.call('DEL', KEYS[3])
local kept = {}
for n, node in ipairs(order) do
  if not again[node] then kept[#kept + 1] = node end
  if #kept == 1000 or n == #order and #kept > 0 then
    redis.call('RPUSH', KEYS[3], unpack(kept))
    kept = {}
  end
end
redis.call('HDEL', KEYS[1], 'finishedAt', 'state', 'error', 'stop')
redis.call('HSET', KEYS[1], 'run', run + 1, 'blocked', ARGV[2])
-- The numbers of nodes that were given up are not used again.
if ARGV[4] ~= '0' then redis.call('HINCRBY', KEYS[1], 'nodesGone', ARGV[4]) end
if ARGV[5] ~= '0' then redis.call('HINCRBY', KEYS[1], 'jobs', -ARGV[5]) end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'deadlineAt', ARGV[3]) end
redis.call('PUBLISH', KEYS[1], 'changed')
return 1
