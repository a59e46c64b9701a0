-- Limits of single jobs of a queue: concurrency keys, how many jobs of a tenant or of a type may run, and rates. A job has them in its field `gates`, as JSON:
-- t tenant, m jobs of the tenant that may run, c { key, limit }, r { key, limit, ms, burst }. A type has a limit from outside alone. A job passes
-- all of them when it starts; `slot` has the letters of those that it has passed while it runs. A job that does not pass is held: not in `prioritized`, and back there once it may pass.
-- While a job is held by a gate that it might pass, at least `limit` others of the gate run or are ready: each that leaves lets one in.
-- Keys of a queue: hash `busy`, of each gate members * 2^20 + running, where members are ready, held or running jobs of a key; beside BullMQ's sets `held`, all jobs
-- that are held, in their order; hash `held-by`, of each { since, kind, name, limit, ms, burst, and the same three of its own where they are from outside or false, the
-- score of its place or false }; sorted sets `held:<gate>` of jobs in their order, and `held-limits:<gate>` by their limits;
-- hash `tat`, of each rate the time at which its next job is due; sorted set `waking` of gates with held jobs, by when the next may start; hash `pins` of limits that
-- were set from outside. Needs tenant-of.lua. `q`: prefix, prioritized, marker, meta, hasPins, hasTypes, fair, pass.
-- Kinds of gates: t tenant, y type, c concurrency key, r rate.
local function openSlots(q)
  local beside = string.match(q.prefix, '^.*}')
  local busy, all, held, heldAt, heldLimits = beside .. ':busy', q.prefix .. 'held', beside .. ':held-by', beside .. ':held:', beside .. ':held-limits:'
  local tat, waking, pins, counted = beside .. ':tat', beside .. ':waking', beside .. ':pins', beside .. ':recounted'
  local unit, maxHeld = 1048576, 10000
  -- How many held jobs of a gate are looked at for one that may start, and how many one call moves from one gate to another.
  local maxLooked, maxMoved, moved = 64, 64, 0
  -- What has members: the others count only what runs.
  local isKeyed = { c = true, r = true }
  local slots = {}

  -- Changes a count, which is never below none, and returns it.
  local function change(name, by)
    local count = redis.call('HINCRBY', busy, name, by)
    if count % unit > unit / 2 then
      count = math.max(0, math.floor((count + unit / 2) / unit)) * unit
      redis.call('HSET', busy, name, count)
    end
    if count <= 0 then redis.call('HDEL', busy, name) end
    return math.max(count, 0)
  end

  local function pinned(gate)
    local pin = q.hasPins and redis.call('HGET', pins, gate.name)
    if not pin then return end
    local decoded = cjson.decode(pin)
    gate.own = { gate.limit or unit, gate.ms or 0, gate.burst or 1 }
    gate.limit, gate.ms, gate.burst = decoded.limit, decoded.per_ms or gate.ms, decoded.burst or gate.burst
  end

  -- The type of a job, where one has a limit.
  function slots.typeOf(id)
    return q.hasTypes and redis.call('HGET', q.prefix .. id, 'name')
  end

  -- The gates of a job, in the order in which it passes them. `type`: of a job that starts or has started; without it the gate of its type is left out.
  function slots.gates(json, data, type)
    if not json and not q.hasPins then return {} end
    local of, gates, list = json and cjson.decode(json) or {}, {}, {}
    local tenant = of.t or tenantOf(data)
    gates[1] = { kind = 't', name = 'tenant:' .. tenant, limit = of.m }
    if type and q.hasTypes then gates[2] = { kind = 'y', name = 'type:' .. type } end
    if of.c then gates[#gates + 1] = { kind = 'c', name = 'concurrency:' .. tenant .. ':' .. of.c[1], limit = of.c[2] } end
    if of.r then gates[#gates + 1] = { kind = 'r', name = 'rate:' .. tenant .. ':' .. of.r[1], limit = of.r[2], ms = of.r[3], burst = of.r[4] } end
    for _, gate in ipairs(gates) do
      pinned(gate)
      if gate.limit then list[#list + 1] = gate end
    end
    return list
  end

  -- A job becomes ready: it counts as a member of its keys. Returns a gate that is full, by which it is held at once, or nil.
  function slots.join(list)
    local full
    for _, gate in ipairs(list) do
      if isKeyed[gate.kind] then
        local count = change(gate.name, unit)
        gate.members = math.floor(count / unit)
        if gate.kind == 'c' and count % unit >= gate.limit then full = full or gate end
      end
    end
    return full
  end

  -- Why a new job is refused, or nil: 'concurrency_full' | 'too_many_held', with the gate. `onFull`: '' where it is never refused. It has joined.
  function slots.refusal(list, onFull)
    if onFull == '' then return end
    for _, gate in ipairs(list) do
      if onFull == 'reject' and gate.kind == 'c' and gate.members > gate.limit then return 'concurrency_full', gate end
      if isKeyed[gate.kind] and gate.members > gate.limit + maxHeld then return 'too_many_held', gate end
    end
  end

  -- How many members each key of a new job that is not due yet would have, with it.
  function slots.look(list)
    for _, gate in ipairs(list) do gate.members = math.floor(tonumber(redis.call('HGET', busy, gate.name) or 0) / unit) + 1 end
  end

  -- … once a job that is ready or held has left; one that runs stays a member until it has ended.
  function slots.lookWithout(list, id)
    if not (redis.call('ZSCORE', q.prioritized, id) or redis.call('ZSCORE', all, id)) then return end
    local gates, data = unpack(redis.call('HMGET', q.prefix .. id, 'gates', 'data'))
    local names = {}
    for _, gate in ipairs(slots.gates(gates, data)) do names[gate.name] = true end
    for _, gate in ipairs(list) do
      if names[gate.name] then gate.members = gate.members - 1 end
    end
  end

  function slots.unjoin(list)
    for _, gate in ipairs(list) do
      if isKeyed[gate.kind] then change(gate.name, -unit) end
    end
  end

  -- What a held job asks of its gate: its own limit, unless there is one from outside now.
  local function asked(about)
    local own = about[7] or { about[4], about[5], about[6] }
    local gate = { kind = about[2], name = about[3], limit = own[1], ms = own[2], burst = own[3] }
    pinned(gate)
    return gate
  end

  -- A gate lets no job in before `at`: workers wait for it as for a delayed job.
  local function sleep(name, at)
    redis.call('ZADD', waking, math.ceil(at), name)
    redis.call('ZADD', q.marker, 'LT', math.ceil(at), '1')
  end

  -- When the next job of a rate is due, of those that have let one start: `tat` has it once the starts of the call are written.
  local dueAt = {}

  -- When a rate allows the next start, or nil where it never does; and ms between two starts.
  local function freeAt(gate)
    if gate.limit == 0 then return end
    local interval = gate.ms / gate.limit
    return tonumber(dueAt[gate.name] or redis.call('HGET', tat, gate.name) or 0) - (gate.burst - 1) * interval, interval
  end

  local time
  local function clock()
    if not time then
      local parts = redis.call('TIME')
      time = parts[1] * 1000 + math.floor(parts[2] / 1000)
    end
    return time
  end

  local function runningOf(name)
    return tonumber(redis.call('HGET', busy, name) or 0) % unit
  end

  local function leaveGate(name, id)
    redis.call('ZREM', heldAt .. name, id)
    redis.call('ZREM', heldLimits .. name, id)
  end

  local function forget(name, id)
    leaveGate(name, id)
    redis.call('ZREM', all, id)
    redis.call('HDEL', held, id)
  end

  local function keep(id, gate, order, since, place)
    redis.call('ZADD', heldAt .. gate.name, order, id)
    if gate.kind ~= 'r' then redis.call('ZADD', heldLimits .. gate.name, gate.own and gate.own[1] or gate.limit, id) end
    redis.call('HSET', held, id, cjson.encode({ since, gate.kind, gate.name, gate.limit, gate.ms or 0, gate.burst or 1, gate.own or false, place }))
  end

  -- A job that a gate would let in is held by another: it waits there from now on.
  local function moveTo(name, id, about, gate)
    local order = redis.call('ZSCORE', heldAt .. name, id)
    leaveGate(name, id)
    keep(id, gate, order, about[1], about[8] or false)
    moved = moved + 1
  end

  -- The job of a held one, or nil where it is gone or was ended by a version that knows no held jobs: it is no member any more.
  local function readHeld(name, id, kind)
    local type, ended, gates, turn, priority, createdAt = unpack(redis.call('HMGET', q.prefix .. id, 'name', 'finishedOn', 'gates', 'turn', 'priority', 'timestamp'))
    local data = type and (q.fair or not gates) and redis.call('HGET', q.prefix .. id, 'data')
    local list = type and slots.gates(gates, data, type) or {}
    if type and not ended then return { id = id, data = data, turn = turn, priority = tonumber(priority or 10), createdAt = createdAt, list = list } end
    forget(name, id)
    for _, other in ipairs(type and list or { { name = name, kind = kind } }) do
      if isKeyed[other.kind] then change(other.name, -unit) end
    end
  end

  -- Of the other gates of a job the first that it does not pass now, and of a rate when it may.
  local function blockedBy(job, name, now)
    for _, gate in ipairs(job.list) do
      if gate.name ~= name then
        local at = gate.kind == 'r' and freeAt(gate)
        if gate.kind == 'r' and not (at and at <= now) then return gate, at end
        if gate.kind ~= 'r' and runningOf(gate.name) >= gate.limit then return gate end
      end
    end
  end

  local function letIn(name, job, about)
    local order = redis.call('ZSCORE', heldAt .. name, job.id)
    forget(name, job.id)
    local score = q.fair and q.fair.comeBack(job, about[8] == nil and order or about[8])
    redis.call('ZADD', q.prioritized, score or about[8] or order, job.id)
    if redis.call('HEXISTS', q.meta, 'paused') == 0 then redis.call('ZADD', q.marker, 0, '0') end
  end

  -- Held jobs of a gate among which one that may pass is looked for, in their order: most often the first may.
  local function firstOf(name, running, isFirstEnough)
    local ids = redis.call('ZRANGE', heldAt .. name, 0, isFirstEnough and 0 or maxLooked - 1)
    if isFirstEnough or #ids < maxLooked then return ids end
    local wide = redis.call('ZRANGEBYSCORE', heldLimits .. name, '(' .. running, '+inf', 'LIMIT', 0, maxLooked)
    local order = {}
    for n, score in ipairs(#wide > 0 and redis.call('ZMSCORE', heldAt .. name, unpack(wide)) or {}) do order[wide[n]] = tonumber(score or 0) end
    table.sort(wide, function(a, b)
      if order[a] == order[b] then return a < b end
      return order[a] < order[b]
    end)
    -- Where all are as wide, the first are among both.
    local seen = {}
    for _, id in ipairs(ids) do seen[id] = true end
    for _, id in ipairs(wide) do
      if not seen[id] then ids[#ids + 1] = id end
    end
    return ids
  end

  -- Lets the first job in that is held by a gate and may start now. Returns whether there was one.
  local function promote(name, now)
    now = tonumber(now or clock())
    local running = runningOf(name)
    local wakesAt
    local isFirstEnough = true
    while redis.call('EXISTS', heldAt .. name) == 1 do
      local ids, left = firstOf(name, running, isFirstEnough), 0
      for _, id in ipairs(ids) do
        local about = redis.call('HGET', held, id)
        about = about and cjson.decode(about) or { 0, 'c', name, unit, 0, 1, false }
        local gate = asked(about)
        if gate.kind == 'r' then
          local at = freeAt(gate)
          if not at then return false end
          if at > now then
            sleep(name, at)
            return false
          end
        elseif running >= gate.limit and isFirstEnough then
          -- One from outside is that of all.
          local widest = not gate.own and redis.call('ZREVRANGE', heldLimits .. name, 0, 0, 'WITHSCORES')[2]
          if not (widest and tonumber(widest) > running) then return false end
        end
        if gate.kind == 'r' or running < gate.limit then
          local job = readHeld(name, id, gate.kind)
          local other, at = nil, nil
          if job then other, at = blockedBy(job, name, now) end
          if job and not other then
            letIn(name, job, about)
            return true
          end
          if other and at then
            -- Of its key it is the next: it stays, and the key is looked at again when the rate allows the next start.
            wakesAt = math.min(wakesAt or at, at)
            left = left + 1
          elseif other then
            if moved >= maxMoved then
              sleep(name, now)
              return false
            end
            moveTo(name, id, about, other)
          end
        else
          left = left + 1
        end
      end
      if not isFirstEnough and left >= math.min(#ids, maxLooked) then break end
      isFirstEnough = false
    end
    if wakesAt then sleep(name, wakesAt) end
    return false
  end

  -- A job is held by a gate that it does not pass. `order`: among those that the gate holds; `place`: the score of the place that it had, or false.
  function slots.hold(id, gate, order, place, now)
    redis.call('ZADD', all, order, id)
    slots.hasHeld = true
    keep(id, gate, order, tonumber(now), place)
    if gate.at then sleep(gate.name, gate.at) end
  end

  -- Whether a job of the queue is held, by what was found at the first call or has been held since.
  function slots.mayHold()
    if slots.hasHeld == nil then slots.hasHeld = redis.call('EXISTS', all) == 1 end
    return slots.hasHeld
  end

  local function passRate(gate, now)
    local at, interval = freeAt(gate)
    gate.at = at
    if not at or at > tonumber(now) then return false end
    local due = math.max(at + (gate.burst - 1) * interval, tonumber(now)) + interval
    dueAt[gate.name] = string.format('%.3f', due)
    if slots.mayHold() and redis.call('EXISTS', heldAt .. gate.name) == 1 then sleep(gate.name, due - (gate.burst - 1) * interval) end
    return true
  end

  -- While the sweep counts, what it has counted already follows.
  local function recount(gate, by)
    if q.pass and gate.kind ~= 'r' then redis.call('HINCRBY', counted, gate.name, by) end
  end

  -- A ready job is to start: takes its slots and returns their letters; or returns nil, and the gate that it does not pass: it leaves the ready jobs of the others.
  function slots.start(list, now)
    local letters = ''
    for n, gate in ipairs(list) do
      local isPassed
      if gate.kind == 'r' then
        isPassed = passRate(gate, now)
      else
        isPassed = redis.call('HINCRBY', busy, gate.name, 1) % unit <= gate.limit
        if not isPassed then change(gate.name, -1) end
      end
      if not isPassed then
        for m, other in ipairs(list) do
          if m < n and other.kind ~= 'r' then change(other.name, -1) end
        end
        for m, other in ipairs(list) do
          if m ~= n then promote(other.name, now) end
        end
        return nil, gate
      end
      letters = letters .. gate.kind
    end
    for _, gate in ipairs(list) do recount(gate, 1) end
    return letters .. (q.pass and ' ' .. q.pass or '')
  end

  -- Writes what the starts of this call have changed of rates: one command for all.
  function slots.writeStarts()
    local entries = {}
    for name, due in pairs(dueAt) do entries[#entries + 1], entries[#entries + 2] = name, due end
    if #entries > 0 then redis.call('HSET', tat, unpack(entries)) end
  end

  -- A job gives up what its field `slot` says; with `isLeaving` it is not ready any more either. Others are let in.
  function slots.release(list, slot, isLeaving)
    local isCounted = q.pass and slot and string.match(slot, ' (%d+)') == q.pass
    for _, gate in ipairs(list) do
      local hadSlot = slot and string.find(slot, gate.kind, 1, true)
      local by = (isLeaving and isKeyed[gate.kind] and -unit or 0) - (hadSlot and gate.kind ~= 'r' and 1 or 0)
      if by ~= 0 then change(gate.name, by) end
      if hadSlot and isCounted then recount(gate, -1) end
    end
    for _, gate in ipairs(list) do
      if not (slot and gate.kind == 'r' and string.find(slot, 'r', 1, true)) then promote(gate.name) end
    end
  end

  -- The start of a job was none: it does not count for its rate, which may let another in earlier.
  function slots.giveBackStart(list, slot)
    for _, gate in ipairs(list) do
      local due = gate.kind == 'r' and string.find(slot, 'r', 1, true) and redis.call('HGET', tat, gate.name)
      if due and gate.limit > 0 then
        redis.call('HSET', tat, gate.name, string.format('%.3f', due - gate.ms / gate.limit))
        if redis.call('EXISTS', heldAt .. gate.name) == 1 then sleep(gate.name, freeAt(gate)) end
      end
    end
  end

  -- Takes a job out that is held. Returns whether it was.
  function slots.takeOut(id)
    local about = redis.call('HGET', held, id)
    if not about then return false end
    forget(cjson.decode(about)[3], id)
    return true
  end

  -- Lets jobs in whose time has come. Returns how many.
  function slots.wake(now)
    now = tonumber(now)
    local names, count = redis.call('ZRANGEBYSCORE', waking, 0, now, 'LIMIT', 0, 64), 0
    if #names == 0 then return 0 end
    redis.call('ZREM', waking, unpack(names))
    for _, name in ipairs(names) do
      local first = redis.call('ZRANGE', heldAt .. name, 0, 0)[1]
      local about = first and redis.call('HGET', held, first)
      local gate = about and asked(cjson.decode(about))
      local free = 1
      if gate and gate.kind == 'r' then
        local at, interval = freeAt(gate)
        free = at and math.max(1, math.min(math.floor((now - at) / interval) + 1, gate.burst, 64)) or 0
      end
      for _ = 1, free do
        if not promote(name, now) then break end
        count = count + 1
      end
    end
    return count
  end

  -- When the next job may start that is held by a rate, in ms, or nil.
  function slots.nextWake()
    return tonumber(redis.call('ZRANGE', waking, 0, 0, 'WITHSCORES')[2])
  end

  function slots.isAnyHeld()
    return redis.call('EXISTS', all) == 1
  end

  -- The limit of a gate has changed: lets in as many as may start now. The sweep goes on with them.
  function slots.widen(name, limit)
    for _ = 1, math.min(limit, 200) do
      if not promote(name) then return end
    end
  end

  slots.change, slots.promote, slots.runningOf, slots.asked = change, promote, runningOf, asked
  slots.keys = { busy = busy, all = all, held = held, heldAt = heldAt, tat = tat, waking = waking, pins = pins, counted = counted }
  return slots
end

