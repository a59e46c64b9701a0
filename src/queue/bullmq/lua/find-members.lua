--[[
  Finds jobs of a concurrency key: those that run, those that are held, and those among the first that are ready; no more than are counted.
  KEYS: active, wait, prioritized, held by the key, counts   ARGV: prefix of the job keys, the key's tenant, the key, how many of each to look at, the key as slots.lua names it
  Returns id and time of submission of each: of those that run, the first that started first, and of the others in the order of their places.
]]
local found, left = {}, math.floor(tonumber(redis.call('HGET', KEYS[5], ARGV[5]) or 0) / 1048576)
local function find(ids, isKnown)
  for _, id in ipairs(ids) do
    if left <= 0 then return end
    local gates, createdAt = unpack(redis.call('HMGET', ARGV[1] .. id, 'gates', 'timestamp'))
    local of = gates and not isKnown and cjson.decode(gates)
    if createdAt and (isKnown or of and of.c and of.t == ARGV[2] and of.c[1] == ARGV[3]) then
      found[#found + 1], found[#found + 2] = id, createdAt
      left = left - 1
    end
  end
end
-- A list has its newest first.
local function oldestOf(list)
  local ids = redis.call('LRANGE', list, -ARGV[4], -1)
  for n = 1, math.floor(#ids / 2) do ids[n], ids[#ids + 1 - n] = ids[#ids + 1 - n], ids[n] end
  return ids
end
local held = redis.call('ZRANGE', KEYS[4], 0, ARGV[4] - 1)
left = left - #held
find(oldestOf(KEYS[2]))
find(oldestOf(KEYS[1]))
find(redis.call('ZRANGE', KEYS[3], 0, ARGV[4] - 1))
left = left + #held
find(held, true)
return found
