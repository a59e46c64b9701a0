--[[
  Finds jobs of a concurrency key: those that run, those that are held, and those among the first that are ready.
  KEYS: active, wait, prioritized, held by the key   ARGV: prefix of the job keys, the key's tenant, the key, how many of each to look at
  Returns { ids of those that run, ids of the others }
]]
local running, waiting = {}, {}
local function find(ids, found)
  for _, id in ipairs(ids) do
    local gates = redis.call('HGET', ARGV[1] .. id, 'gates')
    local of = gates and cjson.decode(gates)
    if of and of.c and of.t == ARGV[2] and of.c[1] == ARGV[3] then found[#found + 1] = id end
  end
end
find(redis.call('LRANGE', KEYS[1], 0, ARGV[4] - 1), running)
find(redis.call('LRANGE', KEYS[2], 0, ARGV[4] - 1), running)
find(redis.call('ZRANGE', KEYS[3], 0, ARGV[4] - 1), waiting)
for _, id in ipairs(redis.call('ZRANGE', KEYS[4], 0, ARGV[4] - 1)) do waiting[#waiting + 1] = id end
return { running, waiting }
