--[[
  The webhook of a flow's run is stored: the flow owes it no more. Nothing when its next run has begun, or it is gone.
  KEYS: flow   ARGV: run
]]
if redis.call('HGET', KEYS[1], 'run') == ARGV[1] then redis.call('HSET', KEYS[1], 'toldRun', ARGV[1]) end
