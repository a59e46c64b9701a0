--[[
  Marks an open operation as to be canceled; idempotent.
  KEYS: operation   ARGV: now
  Returns 0: there is none | 1 | 2: it has ended
]]
local definition, finished = unpack(redis.call('HMGET', KEYS[1], 'definition', 'finishedAt'))
if not definition then return 0 end
if finished and finished ~= '' then return 2 end
if redis.call('HSETNX', KEYS[1], 'cancelRequestedAt', ARGV[1]) == 1 then redis.call('HINCRBY', KEYS[1], 'sequence', 1) end
return 1
