--[[
  Marks an open operation as to be canceled, and ends it where no process works on it; idempotent.
  KEYS: operation, its list of jobs, open operations, open ones of the tenant   ARGV: id, now, ms for which an ended one is kept
  Returns 0: there is none | 1 | 2: it has ended
]]
local definition, finished, holder, heldUntil = unpack(redis.call('HMGET', KEYS[1], 'definition', 'finishedAt', 'holder', 'heldUntil'))
if not definition then return 0 end
if finished and finished ~= '' then return 2 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('HSETNX', KEYS[1], 'cancelRequestedAt', ARGV[2]) == 1 then redis.call('HINCRBY', KEYS[1], 'sequence', 1) end
if holder and tonumber(heldUntil) > now then return 1 end
redis.call('HSET', KEYS[1], 'state', 'canceled', 'finishedAt', ARGV[2], 'waitingFor', '')
redis.call('HINCRBY', KEYS[1], 'sequence', 1)
redis.call('HDEL', KEYS[1], 'holder', 'heldUntil')
redis.call('UNLINK', KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('SREM', KEYS[4], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
