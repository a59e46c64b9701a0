-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/write-event
-- include bullmq/lib/park
--[[
  A client gives a job a signal. It is kept wherever the job is, until its run has ended, and brings one back that is parked for it. Field `signals` of the job: the
  bytes of all payloads, and { name: [when, bytes], … } as JSON, which stays when the run has ended.
  KEYS: job   ARGV: id, prefix of the job keys, name, payload as JSON, how many names a job may have
  Returns 'kept' | 'known': the first of that name has come before | 'missing' | 'done' | 'too_many'
]]
local jobKey, name = KEYS[1], ARGV[3]
local exists, ended, signals, removing = unpack(redis.call('HMGET', jobKey, 'name', 'finishedOn', 'signals', 'removing'))
if not exists or removing then return 'missing' end
local bytes, json = string.match(signals or '0 {}', '^(%d+) (.*)$')
local received = cjson.decode(json)
if received[name] then return 'known' end
if ended or redis.call('HEXISTS', jobKey, 'cancelRequestedAt') == 1 then return 'done' end
local count = 0
for _ in pairs(received) do count = count + 1 end
if count >= tonumber(ARGV[5]) then return 'too_many' end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
received[name] = { now, #ARGV[4] }
redis.call('HSET', jobKey, 'signals', string.format('%.0f %s', bytes + #ARGV[4], cjson.encode(received)))
-- By this it gives up at its end what it keeps for the next start: see slim-job.lua.
redis.call('HSETNX', jobKey, 'eventBatch', '')
local answer = answerJob(ARGV[2], ARGV[1], 'signal:' .. name, (count + 1) .. ' ' .. ARGV[4], now)
if answer == 'kept' then redis.call('PUBLISH', jobKey, 'changed') end
return answer
