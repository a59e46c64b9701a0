--[[
  Reads the states of jobs of a flow in one queue. KEYS: failed   ARGV: prefix of the job keys, run of the flow, id…
  Returns for each: missing | earlier (it ended in an earlier run of the flow) | blocked | open | succeeded <at> | failed <at> <failure>
]]
local states = {}
for i = 3, #ARGV do
  local jobKey = ARGV[1] .. ARGV[i]
  local name, run, blocked, finished, failure = unpack(redis.call('HMGET', jobKey, 'name', 'flowRun', 'blocked', 'finishedOn', 'failedReason'))
  if not name then
    states[#states + 1] = 'missing'
  elseif tonumber(run or 0) < tonumber(ARGV[2]) then
    states[#states + 1] = 'earlier'
  elseif not finished then
    states[#states + 1] = blocked and 'blocked' or 'open'
  elseif redis.call('HEXISTS', jobKey, 'returnvalue') == 1 then
    states[#states + 1] = 'succeeded ' .. finished
  else
    states[#states + 1] = 'failed ' .. finished .. ' ' .. (failure or '')
  end
end
return states
