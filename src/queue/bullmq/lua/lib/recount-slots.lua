-- Puts right what slots.lua counts. Needs slots.lua and tenant-of.lua. `prefix`: of the job keys.
local slotUnit = 1048576

-- The running jobs of a tenant count for its new limit, also those that have started without one.
local function countForTenant(slots, prefix, name, tenant, ids)
  for _, id in ipairs(ids) do
    local slot, data = unpack(redis.call('HMGET', prefix .. id, 'slot', 'data'))
    if data and tenantOf(data) == tenant and not (slot and string.find(slot, 't', 1, true)) then
      redis.call('HSET', prefix .. id, 'slot', (slot or '') .. 't')
      slots.change(name, 1)
    end
  end
end

-- Counts anew from the jobs themselves: from those that run, or came back from a vanished worker; and where there are few, from those that are ready. A tool of
-- BullMQ may have removed a job, or a worker of an earlier version ended it. Of what is counted and held a part at each call.
-- Returns 1 where a part is left for the next call, else 0, and how many rates nobody waited for.
local function recountSlots(slots, q)
  local busy, all, held, tat, waking = slots.keys.busy, slots.keys.all, slots.keys.held, slots.keys.tat, slots.keys.waking
  local cursors = string.match(q.jobs, '^.*}') .. ':recount'
  -- A user of Redis with the rights that an earlier version needed may not scan.
  local function part(key, name, count)
    local reply = redis.pcall('HSCAN', key, redis.call('HGET', cursors, name) or 0, 'COUNT', count)
    if reply.err then return {} end
    if reply[1] == '0' then redis.call('HDEL', cursors, name) else redis.call('HSET', cursors, name, reply[1]) end
    return reply[2]
  end

  if redis.call('LLEN', q.active) + redis.call('LLEN', q.wait) <= 2000 then
    local isExact = redis.call('ZCARD', q.prioritized) + redis.call('ZCARD', all) <= 1000
    local counts, names = {}, {}
    local function add(id, isStarted)
      local slot, gates = unpack(redis.call('HMGET', q.jobs .. id, 'slot', 'gates'))
      if not (slot or gates) then return end
      for _, gate in ipairs(slots.gates(gates, not gates and redis.call('HGET', q.jobs .. id, 'data'))) do
        local isRunning = isStarted and slot and gate.kind ~= 'r' and string.find(slot, gate.kind, 1, true)
        if not counts[gate.name] then
          counts[gate.name] = 0
          names[#names + 1] = gate.name
        end
        counts[gate.name] = counts[gate.name] + (gate.kind ~= 't' and slotUnit or 0) + (isRunning and 1 or 0)
      end
    end
    for _, list in ipairs({ q.active, q.wait }) do
      for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do add(id, true) end
    end
    if isExact then
      for _, set in ipairs({ q.prioritized, all }) do
        for _, id in ipairs(redis.call('ZRANGE', set, 0, -1)) do add(id, false) end
      end
    end
    local function correct(name, count)
      local right = counts[name] or 0
      if not isExact then right = count - count % slotUnit + right % slotUnit end
      if right == count then return end
      if right == 0 then redis.call('HDEL', busy, name) else redis.call('HSET', busy, name, right) end
    end
    local known = part(busy, 'busy', q.limit)
    for n = 1, #known, 2 do correct(known[n], tonumber(known[n + 1])) end
    for n = 1, #names do correct(names[n], tonumber(redis.call('HGET', busy, names[n]) or 0)) end
  end
  -- Jobs that nothing lets in any more.
  local some, seen = part(held, 'held', q.limit), {}
  for n = 1, #some, 2 do
    local _, kind, name = unpack(cjson.decode(some[n + 1]))
    -- One of each gate: what is ready already may be as many as may run.
    if not seen[name] and (kind ~= 'r' or not redis.call('ZSCORE', waking, name)) then slots.promote(name) end
    seen[name] = true
  end
  -- Rates that nobody waits for: clients may name a new one with each job.
  local rates, passed = part(tat, 'tat', 5 * q.limit), 0
  for n = 1, #rates, 2 do
    if tonumber(rates[n + 1]) < q.now then
      redis.call('HDEL', tat, rates[n])
      passed = passed + 1
    end
  end
  return redis.call('EXISTS', cursors), passed
end

