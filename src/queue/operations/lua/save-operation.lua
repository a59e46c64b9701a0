--[[
  Stores how far an operation is, with the jobs that were found, at one moment. By its holder alone.
  KEYS: operation, its list of jobs, open operations, open ones of the tenant
  ARGV: id, holder, ms for which it has it, ms for which an ended one is kept or '', '1': its list is emptied first or '',
        how many fields, then fields and values, then jobs
  Returns 0: another process has it | 1 | 2: it is to be canceled
]]
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = 6 + 2 * ARGV[6]
redis.call('HSET', KEYS[1], 'heldUntil', now + ARGV[3], unpack(ARGV, 7, last))
redis.call('HINCRBY', KEYS[1], 'sequence', 1)
if ARGV[5] ~= '' then redis.call('UNLINK', KEYS[2]) end
if #ARGV > last then redis.call('RPUSH', KEYS[2], unpack(ARGV, last + 1)) end
if ARGV[4] ~= '' then
  redis.call('HDEL', KEYS[1], 'holder', 'heldUntil')
  redis.call('UNLINK', KEYS[2])
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('SREM', KEYS[4], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return 1
end
return redis.call('HEXISTS', KEYS[1], 'cancelRequestedAt') == 1 and 2 or 1
