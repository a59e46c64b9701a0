--[[
  Renews the leases of running jobs, as BullMQ's extendLocks does.
  KEYS: stalled, then the lock of each job
  ARGV: how long the lease lasts in ms, then id and token of each job
  Returns the positions, from 1, of those that this worker does not hold any more
]]
local refused, renewed = {}, {}
local held = redis.call('MGET', unpack(KEYS, 2))
for i = 2, #KEYS do
  if held[i - 1] == ARGV[2 * i - 1] then
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
    renewed[#renewed + 1] = ARGV[2 * i - 2]
  else
    refused[#refused + 1] = i - 1
  end
end
-- The marks of BullMQ's own check, which workers of BullMQ and of earlier versions make.
if #renewed > 0 then redis.call('SREM', KEYS[1], unpack(renewed)) end
return refused
