--[[
  Expands a map of a flow, once: its items are stored, and their nodes get their numbers. The nodes come when the items are admitted.
  KEYS: flow, expansions   ARGV: run of the flow, the map's node, number of new nodes, max nodes of a flow, the items as JSON
  Returns 'stale' (the flow is gone, has ended, is being stopped, or is in another run), 'too_large', or the stored expansion.
]]
local known = redis.call('HGET', KEYS[2], ARGV[2])
if known then return known end
local run, finished, stop, nodes, gone = unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'stop', 'nodes', 'nodesGone'))
if run ~= ARGV[1] or finished or stop then return 'stale' end
if nodes - (gone or 0) + ARGV[3] > tonumber(ARGV[4]) then return 'too_large' end
redis.call('HINCRBY', KEYS[1], 'nodes', ARGV[3])
local expansion = nodes .. ' ' .. ARGV[5]
redis.call('HSET', KEYS[2], ARGV[2], expansion, 'stored:' .. ARGV[2] .. ':admitted', 0)
return expansion
