--[[
  The webhook of a run of a flow is stored, or none is wanted: the flow owes none. Does nothing when the next run has begun, or the flow
  is gone. KEYS: flow   ARGV: run
]]
if redis.call('HGET', KEYS[1], 'run') == ARGV[1] then redis.call('HSET', KEYS[1], 'toldRun', ARGV[1]) end
