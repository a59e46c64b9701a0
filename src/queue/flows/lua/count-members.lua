--[[
  Names the jobs of a flow that run in one queue, and those that wait for their time there, among the first that are due.
  KEYS: active, delayed   ARGV: what the flow's job ids start with, how many of those that wait for their time to look at
]]
local function ofFlow(ids)
  local found = {}
  for _, id in ipairs(ids) do
    if string.sub(id, 1, #ARGV[1]) == ARGV[1] then found[#found + 1] = id end
  end
  return found
end
return { ofFlow(redis.call('LRANGE', KEYS[1], 0, -1)), ofFlow(redis.call('ZRANGE', KEYS[2], 0, ARGV[2] - 1)) }
