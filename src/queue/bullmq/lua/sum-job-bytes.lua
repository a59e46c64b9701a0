-- include bullmq/lib/job-bytes
--[[
  Sums up about how many bytes some jobs of a queue take. Only reads.
  KEYS: a key of the queue   ARGV: prefix of the job keys, id…
]]
local sum = 0
for i = 2, #ARGV do
  local jobKey = ARGV[1] .. ARGV[i]
  local outputBytes, values, events, checkpoint, signals =
    unpack(redis.call('HMGET', jobKey, 'outputBytes', 'values', 'eventCharacters', 'checkpoint', 'signals'))
  -- All of the hash is short but for its data, of which only the length is needed.
  local input = redis.call('HSTRLEN', jobKey, 'data')
  if input > 0 then sum = sum + input + jobBytes(jobKey, '', outputBytes, values, events, checkpoint, signals) end
end
return string.format('%.0f', sum)
