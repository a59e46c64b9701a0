-- Puts right what slots.lua counts: a tool of BullMQ may have removed a job, or a worker of an earlier version ended it. Needs ready.lua and tenant-of.lua.
-- `prefix`: of the job keys.
local slotUnit = 1048576

-- Where few jobs run: those of a tenant or of a type count for its new limit, also those that have started without one or whose limit was removed meanwhile.
-- `kind` and `name` of the gate; `active`: ids of those that run; `vanished`: of those that wait to be taken from vanished workers.
local function countForGate(slots, prefix, kind, name, active, vanished)
  local count = 0
  local function add(id, isRunning)
    local slot, of = unpack(redis.call('HMGET', prefix .. id, 'slot', kind == 't' and 'data' or 'name'))
    if not of or (kind == 't' and 'tenant:' .. tenantOf(of) or 'type:' .. of) ~= name then return end
    local isCounted = slot and string.find(slot, kind, 1, true)
    -- One that has slots keeps them when it is taken again, and is not looked at then.
    local isToCount = not isCounted and (isRunning or slot)
    if isToCount then redis.call('HSET', prefix .. id, 'slot', kind .. (slot or '')) end
    if isToCount or isCounted then count = count + 1 end
  end
  for _, id in ipairs(active) do add(id, true) end
  for _, id in ipairs(vanished) do add(id, false) end
  if count == 0 then redis.call('HDEL', slots.keys.busy, name) else redis.call('HSET', slots.keys.busy, name, count) end
end

-- Some entries of a hash, from where the last call stopped, and whether these are the last. A user of Redis with the rights that an earlier version needed may
-- not scan. `cursors`: the hash of where that was, by name.
local function openParts(cursors)
  return function(key, name, count)
    local reply = redis.pcall('HSCAN', key, redis.call('HGET', cursors, name) or 0, 'COUNT', count)
    if reply.err then return {}, true end
    if reply[1] == '0' then redis.call('HDEL', cursors, name) else redis.call('HSET', cursors, name, reply[1]) end
    return reply[2], reply[1] == '0'
  end
end

-- Returns what counts a part of what runs anew, and what begins to, which returns whether it may. Other calls may come in between.
local function openRecount(ready, q, cursors, part)
  local slots, beside = ready.slots, string.match(q.jobs, '^.*}')
  local counted, lists = slots.keys.counted, { { q.active, beside .. ':recount-active' }, { q.wait, beside .. ':recount-wait' } }
  local most = 250

  local function gatesOf(id, slot, gates)
    return slots.gates(gates, not gates and redis.call('HGET', q.jobs .. id, 'data'), slots.typeOf(id))
  end

  local function correct(name, count, right)
    if right == count then return end
    if right == 0 then redis.call('HDEL', slots.keys.busy, name) else redis.call('HSET', slots.keys.busy, name, right) end
  end

  local function clear()
    redis.call('DEL', lists[1][2], lists[2][2], counted)
    redis.call('HDEL', cursors, 'pass', 'apply', 'apply:1', 'apply:2')
  end

  -- In the meta of the queue, so that starts and ends know it.
  local function setPass(pass)
    redis.call('HSET', q.meta, 'drover.limits', (ready.queue.hasPins and 2 or 1) .. (ready.queue.hasTypes and 'y' or '') .. (pass and ' ' .. pass or ''))
    ready.queue.pass = pass
  end

  -- All at once, where there are few jobs: members, too.
  local function countAll()
    if ready.queue.pass then
      clear()
      setPass(nil)
    end
    local counts, names = {}, {}
    local function add(id, isStarted)
      local slot, gates = unpack(redis.call('HMGET', q.jobs .. id, 'slot', 'gates'))
      if not (slot or gates) then return end
      for _, gate in ipairs(gatesOf(id, slot, gates)) do
        local isRunning = isStarted and slot and gate.kind ~= 'r' and string.find(slot, gate.kind, 1, true)
        if not counts[gate.name] then
          counts[gate.name] = 0
          names[#names + 1] = gate.name
        end
        counts[gate.name] = counts[gate.name] + ((gate.kind == 'c' or gate.kind == 'r') and slotUnit or 0) + (isRunning and 1 or 0)
      end
    end
    for _, list in ipairs({ q.active, q.wait }) do
      for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do add(id, true) end
    end
    for _, set in ipairs({ q.prioritized, slots.keys.all }) do
      for _, id in ipairs(redis.call('ZRANGE', set, 0, -1)) do add(id, false) end
    end
    local known = part(slots.keys.busy, 'busy', q.limit)
    for n = 1, #known, 2 do correct(known[n], tonumber(known[n + 1]), counts[known[n]] or 0) end
    for n = 1, #names do correct(names[n], tonumber(redis.call('HGET', slots.keys.busy, names[n]) or 0), counts[names[n]]) end
  end

  -- Begins to count the running jobs, of those that run now. From now on starts and ends count, too.
  local function begin()
    clear()
    for _, list in ipairs(lists) do
      local reply = redis.pcall('COPY', list[1], list[2])
      if type(reply) == 'table' and reply.err then
        clear()
        return false
      end
    end
    local pass = string.format('%.0f', redis.call('HINCRBY', cursors, 'passes', 1))
    redis.call('HSET', cursors, 'pass', pass)
    setPass(pass)
    return true
  end

  -- Counts some of the jobs that ran when the count began, unless they have ended or have been counted at a new start. One that started when its tenant or its
  -- type had no limit takes a place of it now.
  local function walk(left)
    local counts, taken, pass = {}, {}, ready.queue.pass
    for _, id in ipairs(redis.call('LPOP', left, most) or {}) do
      local slot, gates, ended, createdAt = unpack(redis.call('HMGET', q.jobs .. id, 'slot', 'gates', 'finishedOn', 'timestamp'))
      local isCounted = ended or not createdAt or slot and string.match(slot, ' (%d+)') == pass
      local isRunning = left == lists[1][2] and (slot or redis.call('EXISTS', q.jobs .. id .. ':lock') == 1)
      local letters = slot and string.match(slot, '^%a*') or ''
      for _, gate in ipairs(not isCounted and (slot or isRunning) and gatesOf(id, slot, gates) or {}) do
        if (gate.kind == 't' or gate.kind == 'y') and not string.find(letters, gate.kind, 1, true) then
          letters = gate.kind .. letters
          taken[gate.name] = (taken[gate.name] or 0) + 1
        end
        if gate.kind ~= 'r' and string.find(letters, gate.kind, 1, true) then counts[gate.name] = (counts[gate.name] or 0) + 1 end
      end
      if not isCounted and (slot or letters ~= '') then redis.call('HSET', q.jobs .. id, 'slot', letters .. ' ' .. pass) end
    end
    for name, by in pairs(counts) do redis.call('HINCRBY', counted, name, by) end
    for name, by in pairs(taken) do slots.change(name, by) end
  end

  -- Puts some counts right. What changes meanwhile changes both.
  local function apply()
    local phase = redis.call('HGET', cursors, 'apply') or '1'
    local some, isEnd = part(phase == '1' and slots.keys.busy or counted, 'apply:' .. phase, q.limit)
    for n = 1, #some, 2 do
      local count = tonumber(redis.call('HGET', slots.keys.busy, some[n]) or 0)
      correct(some[n], count, count - count % slotUnit + math.max(0, tonumber(redis.call('HGET', counted, some[n]) or 0)))
    end
    if not isEnd then return end
    if phase == '1' then return redis.call('HSET', cursors, 'apply', 2) end
    clear()
    setPass(nil)
  end

  local function goOn()
    local pass = redis.call('HGET', cursors, 'pass')
    if not (pass and pass == ready.queue.pass) then
      local running = redis.call('LLEN', q.active) + redis.call('LLEN', q.wait)
      if running + redis.call('ZCARD', q.prioritized) + redis.call('ZCARD', slots.keys.all) <= most then return countAll() end
      begin()
    end
    if not ready.queue.pass then return end
    for _, list in ipairs(lists) do
      if redis.call('EXISTS', list[2]) == 1 then return walk(list[2]) end
    end
    apply()
  end
  return goOn, begin
end

-- Begins to count all that runs, where that is much: recount-limits.lua goes on. Returns whether it may.
local function beginRecount(ready, prefix, active)
  local cursors = string.match(prefix, '^.*}') .. ':recount'
  local q = { jobs = prefix, active = active, wait = prefix .. 'wait', meta = prefix .. 'meta' }
  local _, begin = openRecount(ready, q, cursors, openParts(cursors))
  return begin()
end

-- How many jobs of a gate are ready: about, where tools of BullMQ have removed some.
local function readyAt(ready, q, gate)
  local name = gate.name
  if gate.kind == 'c' then
    local count = tonumber(redis.call('HGET', ready.slots.keys.busy, name) or 0)
    return math.floor(count / slotUnit) - count % slotUnit - redis.call('ZCARD', ready.slots.keys.heldAt .. name)
  end
  -- Of a type no more than all that are.
  if gate.kind == 'y' or not ready.fair then return redis.call('ZCARD', q.prioritized) end
  local count, beside = 0, string.match(q.jobs, '^.*}')
  for priority = 1, 10 do count = count + redis.call('ZCARD', beside .. ':turns:' .. priority .. ':' .. string.sub(name, #'tenant:' + 1)) end
  return count
end

-- Counts a part anew, and lets in what nothing lets in any more. Returns 1 where a part is left for the next call, else 0, and how many rates nobody waited for.
local function recountSlots(ready, q)
  local slots, cursors = ready.slots, string.match(q.jobs, '^.*}') .. ':recount'
  local part = openParts(cursors)
  local goOn = openRecount(ready, q, cursors, part)
  goOn()
  local some, seen, left = part(slots.keys.held, 'held', q.limit), {}, q.limit
  for n = 1, #some, 2 do
    local about = cjson.decode(some[n + 1])
    local _, kind, name = unpack(about)
    if not seen[name] then
      seen[name] = true
      -- What is ready already may be as many as may run: at least one, in case that this is a mistake.
      local gate = slots.asked(about)
      local free = kind == 'r' and 1 or math.max(1, gate.limit - slots.runningOf(name) - readyAt(ready, q, gate))
      if redis.call('ZSCORE', slots.keys.waking, name) then free = 0 end
      for _ = 1, math.min(free, left) do
        if not slots.promote(name) then break end
        left = left - 1
      end
    end
  end
  -- Rates that nobody waits for: clients may name a new one with each job.
  local rates, passed = part(slots.keys.tat, 'tat', 5 * q.limit), 0
  for n = 1, #rates, 2 do
    if tonumber(rates[n + 1]) < q.now then
      redis.call('HDEL', slots.keys.tat, rates[n])
      passed = passed + 1
    end
  end
  return redis.call('HEXISTS', cursors, 'pass'), passed
end

local function tidyFairness(fair, q)
  local part = openParts(string.match(q.jobs, '^.*}') .. ':recount')
  fair.tidy(part(fair.key, 'fair', q.limit), part)
end

-- A queue in which nothing waits or runs needs neither fairness nor limits, until the next job that does.
local function forgetUnused(ready, q)
  local sets = { q.prioritized, q.delayed, q.wait, q.active, q.jobs .. 'waiting-children', q.jobs .. 'held' }
  if redis.call('EXISTS', unpack(sets)) > 0 then return end
  local beside = string.match(q.jobs, '^.*}')
  redis.call('DEL', beside .. ':recount', beside .. ':recount-active', beside .. ':recount-wait')
  if ready.fair and ready.fair.clear() then redis.call('HDEL', q.meta, 'drover.fair') end
  if ready.slots and redis.call('EXISTS', ready.slots.keys.tat, ready.slots.keys.pins) == 0 then
    redis.call('HDEL', q.meta, 'drover.limits')
    redis.call('DEL', ready.slots.keys.busy, ready.slots.keys.held, ready.slots.keys.waking, ready.slots.keys.counted)
  end
end

