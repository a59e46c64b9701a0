--[[
  The jobs that are in some of BullMQ's lists and sets of a queue, where these have few. A page over hundreds of queues asks each of them.
  KEYS: lists, then sorted sets   ARGV: how many lists, how many jobs at most
  Returns their ids; nil where there are more
]]
local function isList(n) return n <= tonumber(ARGV[1]) end
local left, filled = tonumber(ARGV[2]), {}
for n, key in ipairs(KEYS) do
  local size = redis.call(isList(n) and 'LLEN' or 'ZCARD', key)
  left = left - size
  if left < 0 then return false end
  if size > 0 then filled[#filled + 1] = n end
end
local ids = {}
for _, n in ipairs(filled) do
  local some = redis.call(isList(n) and 'LRANGE' or 'ZRANGE', KEYS[n], 0, -1)
  if #filled == 1 then return some end
  for m = 1, #some do ids[#ids + 1] = some[m] end
end
return ids
