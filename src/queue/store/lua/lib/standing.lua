-- How many waiting jobs of a tenant are counted at most.
local maxCounted = 10000

-- How many of these jobs are the tenant's: by the index.
local function countOwn(index, tenant, ids)
  local own = 0
  for from = 1, #ids, 500 do
    local entries = {}
    for n = from, math.min(#ids, from + 499) do entries[#entries + 1] = tenant .. ':' .. string.sub(ids[n], -26) end
    for _, score in ipairs(redis.call('ZMSCORE', index, unpack(entries))) do
      if score then own = own + 1 end
    end
  end
  return own
end

-- Whether the turns of its tenant are not its places, by fairness keys or jobs that were held: which of its jobs starts at a turn is decided then. See fair.lua.
local function isTurnOpen(prefix, id)
  local priority = math.floor(redis.call('ZSCORE', prefix .. 'prioritized', id) / 0x100000000)
  local turns = string.match(prefix, '^.*}') .. ':turns:' .. priority .. ':' .. tenantOf(redis.call('HGET', prefix .. id, 'data'))
  return redis.call('EXISTS', turns .. ':last') == 1
end

-- Some of the running jobs that hold a job by its key, its tenant or its type: their ids, with a space behind each. At most ten, of the thousand that started last.
-- `tenant`: whose jobs of a type are named, or false for all.
local function holdersOf(prefix, id, tenant)
  local held = redis.call('HGET', string.match(prefix, '^.*}') .. ':held-by', id)
  local kind, name = unpack(held and cjson.decode(held) or {}, 2, 3)
  if not held or kind == 'r' then return '' end
  local found = {}
  for _, list in ipairs({ 'active', 'wait' }) do
    for _, other in ipairs(redis.call('LRANGE', prefix .. list, 0, 999)) do
      local gates, slot, type = unpack(redis.call('HMGET', prefix .. other, 'gates', 'slot', 'name'))
      local of = gates and slot and string.find(slot, kind, 1, true) and cjson.decode(gates)
      local isHolder = of and (kind == 'c' and of.c and 'concurrency:' .. of.t .. ':' .. of.c[1] == name or kind == 't' and 'tenant:' .. of.t == name)
      if kind == 'y' and #found < 10 and slot and type and string.find(slot, 'y', 1, true) and 'type:' .. type == name then
        isHolder = not tenant or tenantOf(redis.call('HGET', prefix .. other, 'data')) == tenant
      end
      if isHolder and #found < 10 then found[#found + 1] = other .. ' ' end
    end
  end
  return table.concat(found)
end

-- Adds to the reply of read-job.lua of a job that waits: how many start before it, or false where it is not among those that may start; of these with a
-- `tenant` those of that one, or -1 where they are too many to count; 1 where `isTurnOpen`, or 0; how many jobs of the queue ended in the last minute, and in the last ten; how many may start; who holds it.
local function addStanding(reply, prefix, id, index, tenant, now)
  local back, rank = redis.call('LLEN', prefix .. 'wait'), redis.call('ZRANK', prefix .. 'prioritized', id)
  local ahead = rank and rank + back
  if not rank then
    -- What came back from a vanished worker is fetched first, from the end of its list.
    local at = redis.call('LPOS', prefix .. 'wait', id)
    ahead = at and back - 1 - at
  end
  local own = ahead
  if ahead and tenant and ahead > maxCounted then
    own = -1
  elseif ahead and tenant then
    local ids = rank and redis.call('ZRANGE', prefix .. 'prioritized', 0, rank) or {}
    if rank then ids[#ids] = nil end
    for _, other in ipairs(redis.call('LRANGE', prefix .. 'wait', rank and 0 or back - ahead, -1)) do ids[#ids + 1] = other end
    own = countOwn(index, tenant, ids)
  end
  -- A nil would end the reply.
  reply[#reply + 1] = ahead or false
  reply[#reply + 1] = own or false
  reply[#reply + 1] = rank and isTurnOpen(prefix, id) and 1 or 0
  for _, ms in ipairs({ 60000, 600000 }) do
    local ended = 0
    for _, set in ipairs({ 'completed', 'failed' }) do ended = ended + redis.call('ZCOUNT', prefix .. set, now - ms, now) end
    reply[#reply + 1] = ended
  end
  reply[#reply + 1] = back + redis.call('ZCARD', prefix .. 'prioritized')
  reply[#reply + 1] = holdersOf(prefix, id, tenant)
  return reply
end
