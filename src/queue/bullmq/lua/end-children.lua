-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/write-event
-- include bullmq/lib/park
--[[
  Notes that jobs have ended which the handler of another has submitted, and brings that one back when it waits for no more.
  KEYS: job, its children, those that it waits for
  ARGV: prefix of the job keys, id of the job, now, for each that has ended: id, '1' where it did not succeed or ''
  Returns 1 where the job has got its answers, else 0. Again with the same ends it changes nothing.
]]
local children, awaited = KEYS[2], KEYS[3]
local name, finished = unpack(redis.call('HMGET', KEYS[1], 'name', 'finishedOn'))
if not name or finished then return 0 end
local hasFailed = false
for n = 4, #ARGV, 2 do
  if redis.call('SREM', awaited, ARGV[n]) == 1 and ARGV[n + 1] ~= '' then hasFailed = true end
end
local fields, failFast = unpack(redis.call('HMGET', children, 'fields', 'failFast'))
if not fields or redis.call('SCARD', awaited) > 0 and not (hasFailed and failFast) then return 0 end
redis.call('DEL', awaited)
-- By these it gives up the answers at its end: see slim-job.lua.
redis.call('HSETNX', KEYS[1], 'eventBatch', '')
redis.call('HSETNX', KEYS[1], 'signals', '0 {}')
for field in string.gmatch(fields, '%S+') do answerJob(ARGV[1], ARGV[2], field, '1', ARGV[3]) end
return 1
