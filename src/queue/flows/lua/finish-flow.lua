--[[
  A flow has ended: the one place where that is written. A mark that stops the flow decides how. KEYS: flow
  ARGV: run of the flow, state, error as JSON or '', now, what state and error are where it was stopped: reason, state, error, …
  Returns 1, or 0 when it had ended before, is gone, or is in another run.
]]
local run, finished, stop = unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'stop'))
if run ~= ARGV[1] or finished then return 0 end
local state, failure = ARGV[2], ARGV[3]
for i = 5, #ARGV, 3 do
  if stop and string.match(stop, '^%S+') == ARGV[i] then state, failure = ARGV[i + 1], ARGV[i + 2] end
end
redis.call('HSET', KEYS[1], 'state', state, 'error', failure, 'finishedAt', ARGV[4], 'blocked', 0)
redis.call('PUBLISH', KEYS[1], 'ended')
return 1
