-- include bullmq/lib/tenant-of
-- include bullmq/lib/job-bytes
--[[
  Measures some jobs of one of the sets or lists of a queue. Only reads.
  KEYS: the set or list   ARGV: prefix of the job keys, 'list' or 'set', rank to begin at, max entries, max bytes of records to read, ended before
  Returns how many were looked at, about how many bytes those took that ended later, { tenant, how many, about how many bytes, … }
]]
local from, read, looked, young = tonumber(ARGV[3]), 0, 0, 0
local ids = redis.call(ARGV[2] == 'list' and 'LRANGE' or 'ZRANGE', KEYS[1], from, from + ARGV[4] - 1)
local counts, sums, found = {}, {}, {}
for _, id in ipairs(ids) do
  local jobKey = ARGV[1] .. id
  local data, finished, outputBytes, values, events, checkpoint, signals =
    unpack(redis.call('HMGET', jobKey, 'data', 'finishedOn', 'outputBytes', 'values', 'eventCharacters', 'checkpoint', 'signals'))
  looked = looked + 1
  if data then
    local tenant, bytes = tenantOf(data), jobBytes(jobKey, data, outputBytes, values, events, checkpoint, signals)
    counts[tenant], sums[tenant] = (counts[tenant] or 0) + 1, (sums[tenant] or 0) + bytes
    if finished and tonumber(finished) > tonumber(ARGV[6]) then young = young + bytes end
    read = read + #data
    if read > tonumber(ARGV[5]) then break end
  end
end
for tenant, count in pairs(counts) do
  found[#found + 1], found[#found + 2], found[#found + 3] = tenant, count, string.format('%.0f', sums[tenant])
end
return { looked, string.format('%.0f', young), found }
