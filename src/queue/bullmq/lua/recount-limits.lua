-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/recount-slots
--[[
  Goes on with the count of what runs, which set-limit.lua has begun, as the sweep does. KEYS: active, wait, prioritized, meta   ARGV: prefix of the job keys
  Returns 1 where a part is left for the next call, else 0
]]
local ready = readyOf(ARGV[1])
if not (ready.slots and ready.queue.pass) then return 0 end
local cursors = string.match(ARGV[1], '^.*}') .. ':recount'
local q = { jobs = ARGV[1], active = KEYS[1], wait = KEYS[2], prioritized = KEYS[3], meta = KEYS[4], limit = 100 }
local goOn = openRecount(ready, q, cursors, openParts(cursors))
goOn()
return redis.call('HEXISTS', cursors, 'pass')
