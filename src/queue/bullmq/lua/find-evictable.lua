-- include bullmq/lib/retention
-- include bullmq/lib/labels
-- include bullmq/lib/tenant-of
-- include bullmq/lib/job-bytes
--[[
  Finds ended jobs of a tenant that may be evicted, in the order of their ends. Only reads.
  KEYS: completed or failed, webhook debts
  ARGV: prefix of the job keys, rank to begin at, max entries to look at, max bytes of records to read, ended before, tenant, which end:
        'succeeded', 'stopped' (canceled and expired) or 'failed'
  Returns the rank to go on at or -1 at the end, { id, when it ended, about how many bytes it takes, … }, the rank of the first that ended too lately, or
  the end: -1 where it has not been reached
]]
local from, read, found = tonumber(ARGV[2]), 0, {}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ids = redis.call('ZRANGE', KEYS[1], from, from + ARGV[3] - 1)
for n, id in ipairs(ids) do
  local jobKey = ARGV[1] .. id
  local finished, flow, removing, failure, outputBytes, values, events =
    unpack(redis.call('HMGET', jobKey, 'finishedOn', 'flow', 'removing', 'failedReason', 'outputBytes', 'values', 'eventCharacters'))
  if finished and tonumber(finished) > tonumber(ARGV[5]) then
    -- Those that follow have ended later, but for few whose place in the list is older than their end.
    local place = tonumber(redis.call('ZSCORE', KEYS[1], id))
    if place > tonumber(ARGV[5]) and place <= now then
      -- Behind now are those that are kept for longer than others: remove-ended.lua moved them there.
      local ahead = redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')
      return { ahead > 0 and redis.call('ZCARD', KEYS[1]) - ahead or -1, found, from + n - 1 }
    end
  elseif finished and not flow and removing ~= '1' and (ARGV[7] == 'succeeded' or (stateOfFailure(failure) == 'failed') == (ARGV[7] == 'failed')) then
    local data = redis.call('HGET', jobKey, 'data')
    read = read + #(data or '')
    if tenantOf(data) == ARGV[6] and not redis.call('ZSCORE', KEYS[2], id) then
      found[#found + 1], found[#found + 2], found[#found + 3] = id, finished, jobBytes(jobKey, data, outputBytes, values, events)
    end
    if read > tonumber(ARGV[4]) then return { from + n, found, -1 } end
  end
end
if #ids < tonumber(ARGV[3]) then return { -1, found, from + #ids } end
return { from + #ids, found, -1 }
