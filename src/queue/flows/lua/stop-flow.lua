--[[
  Marks a flow so that no job of it starts any more. KEYS: flow   ARGV: 'canceled', 'deadline_exceeded' or 'internal_error', now, hint channel, flow
  Returns missing | done | stopping (since this call or an earlier one)
]]
local createdAt, finished = unpack(redis.call('HMGET', KEYS[1], 'createdAt', 'finishedAt'))
if not createdAt then return 'missing' end
if finished then return 'done' end
if redis.call('HSETNX', KEYS[1], 'stop', ARGV[1] .. ' ' .. ARGV[2]) == 1 then
  redis.call('PUBLISH', KEYS[1], 'changed')
  redis.call('PUBLISH', ARGV[3], ARGV[4])
end
return 'stopping'
