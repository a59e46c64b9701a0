--[[
  Renews the leases of running jobs, as BullMQ's extendLocks does.
  KEYS: stalled, then the lock of each job
  ARGV: how long the lease lasts in ms, then id and token of each job
  Returns the positions, from 1, of those that this worker does not hold any more
]]
local refused = {}
for i = 2, #KEYS do
  local id, token = ARGV[2 * i - 2], ARGV[2 * i - 1]
  if redis.call('GET', KEYS[i]) == token then
    redis.call('SET', KEYS[i], token, 'PX', ARGV[1])
    redis.call('SREM', KEYS[1], id)
  else
    refused[#refused + 1] = i - 1
  end
end
return refused
