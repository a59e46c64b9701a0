--[[
  Writes the end of a flow; no other script does. A flow that was stopped ends as its stop mark says. KEYS: flow
  ARGV: run of the flow, state, error as JSON or '', now, for each reason to stop: reason, state, error
  Returns its state, or the one that it had before; nil when it is gone, or in another run.
]]
local run, finished, stop, before = unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'stop', 'state'))
if run ~= ARGV[1] then return nil end
if finished then return before end
local state, err = ARGV[2], ARGV[3]
for i = 5, #ARGV, 3 do
  if stop and string.match(stop, '^%S+') == ARGV[i] then state, err = ARGV[i + 1], ARGV[i + 2] end
end
redis.call('HSET', KEYS[1], 'state', state, 'error', err, 'finishedAt', ARGV[4], 'blocked', 0)
redis.call('PUBLISH', KEYS[1], 'ended')
return state
