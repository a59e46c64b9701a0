--[[
  Lets the idempotency claim of an evicted job or flow live on until the job would have been removed, so that a retry does not run the work again.
  KEYS: the claim   ARGV: job id, until, in epoch ms
]]
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'evicted', 1)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, ARGV[2] - time[1] * 1000 - math.floor(time[2] / 1000))))
