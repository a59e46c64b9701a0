--[[
  Finds the jobs of a flow that are running or scheduled in one queue. Of the scheduled jobs only those due first are searched.
  KEYS: active, delayed   ARGV: prefix of the flow's job ids, how many scheduled jobs to search
  Returns { ids of running jobs, ids of scheduled jobs }
]]
local function ofFlow(ids)
  local found = {}
  for _, id in ipairs(ids) do
    if string.sub(id, 1, #ARGV[1]) == ARGV[1] then found[#found + 1] = id end
  end
  return found
end
return { ofFlow(redis.call('LRANGE', KEYS[1], 0, -1)), ofFlow(redis.call('ZRANGE', KEYS[2], 0, ARGV[2] - 1)) }
