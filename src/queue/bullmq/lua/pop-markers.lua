--[[
  Takes the markers of several queues, each where there is one. Never on a cluster, where they are in different slots.
  KEYS: markers
  Returns { key, member, score } of each marker that was there
]]
local popped = {}
for _, key in ipairs(KEYS) do
  local member, score = unpack(redis.call('ZPOPMIN', key))
  if member then popped[#popped + 1] = { key, member, score } end
end
return popped
