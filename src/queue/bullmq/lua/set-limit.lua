-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/recount-slots
--[[
  Sets the limit of a gate from outside, in place of what its jobs say, or removes it.
  KEYS: pins, meta, active   ARGV: prefix of the job keys, the gate, '' to remove it or JSON of it, its limit, 't' where it is that of a tenant, 'y' of a type, or ''
  Returns 1 where many jobs run and recount-limits.lua is to count them for it, else 0
]]
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[2])
else
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
local pins, hasTypes = redis.call('HKEYS', KEYS[1]), false
for _, name in ipairs(pins) do hasTypes = hasTypes or string.sub(name, 1, 5) == 'type:' end
redis.call('HSET', KEYS[2], 'drover.limits', (#pins > 0 and 2 or 1) .. (hasTypes and 'y' or ''))
local ready = readyOf(ARGV[1])
local slots, isLeft = ready.slots, false
if ARGV[5] ~= '' and ARGV[3] ~= '' then
  local wait = ARGV[1] .. 'wait'
  isLeft = redis.call('LLEN', KEYS[3]) > 500 and beginRecount(ready, ARGV[1], KEYS[3])
  if not isLeft then countForGate(slots, ARGV[1], ARGV[5], ARGV[2], redis.call('LRANGE', KEYS[3], 0, -1), redis.call('LRANGE', wait, -1000, -1)) end
end
-- Nothing counts the jobs of a type without a limit.
if ARGV[5] == 'y' and ARGV[3] == '' then redis.call('HDEL', slots.keys.busy, ARGV[2]) end
-- What a rate has let through counted for its limit before.
redis.call('HDEL', slots.keys.tat, ARGV[2])
slots.widen(ARGV[2], tonumber(ARGV[4]))
return isLeft and 1 or 0
