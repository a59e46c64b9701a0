-- include bullmq/lib/active-list
--[[
  Finds the jobs of a flow that are running, scheduled or parked in one queue: among all that run, where those are few, else among some of its own jobs.
  KEYS: active, delayed, index, prioritized, parked
  ARGV: prefix of the flow's job ids, how many scheduled and parked jobs to search, prefix of the job keys, what its entries of the index begin with, the entry
        after which to go on or '', how many of its jobs to look at, how many may run to be looked at themselves
  Returns { ids of running jobs, ids of scheduled jobs, the entry after which to go on or false, ids of parked jobs }
]]
local running, scheduled, parked = {}, {}, {}
if ARGV[5] == '' and redis.call('LLEN', KEYS[1]) <= tonumber(ARGV[7]) then
  local function ofFlow(ids, found)
    for _, id in ipairs(ids) do
      if string.sub(id, 1, #ARGV[1]) == ARGV[1] then found[#found + 1] = id end
    end
  end
  ofFlow(redis.call('LRANGE', KEYS[1], 0, -1), running)
  ofFlow(redis.call('ZRANGE', KEYS[2], 0, ARGV[2] - 1), scheduled)
  ofFlow(redis.call('ZRANGE', KEYS[5], 0, ARGV[2] - 1), parked)
  return { running, scheduled, false, parked }
end

local after = ARGV[5] == '' and '[' .. ARGV[4] or '(' .. ARGV[5]
local entries = redis.call('ZRANGEBYLEX', KEYS[3], after, '[' .. ARGV[4] .. '~', 'LIMIT', 0, ARGV[6])
for _, entry in ipairs(entries) do
  local id = ARGV[1] .. string.sub(entry, #ARGV[4] + 1)
  local startedAt, finishedAt, blocked, isParked = unpack(redis.call('HMGET', ARGV[3] .. id, 'processedOn', 'finishedOn', 'blocked', 'parked'))
  if finishedAt or blocked then
    -- Neither.
  elseif isParked then
    parked[#parked + 1] = id
  elseif startedAt and redis.call('EXISTS', ARGV[3] .. id .. ':lock') == 1 then
    running[#running + 1] = id
  elseif redis.call('ZSCORE', KEYS[2], id) then
    scheduled[#scheduled + 1] = id
  elseif startedAt and not redis.call('ZSCORE', KEYS[4], id) and isActive(KEYS[1], ARGV[3], id) then
    running[#running + 1] = id
  end
end
return { running, scheduled, #entries == tonumber(ARGV[6]) and entries[#entries], parked }
