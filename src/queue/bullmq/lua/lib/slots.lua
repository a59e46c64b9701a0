-- What holds single jobs of a queue: concurrency keys, how many jobs of a tenant may run, and rates. A job has them in its field `gates`, as JSON:
-- t tenant, m jobs of the tenant that may run, c { key, limit }, r { key, limit, ms, burst }. It passes all of them when it starts; `slot` has the letters of those
-- that it has passed while it runs. A job that does not pass is held: not in `prioritized`, and back there with its old score once it may pass.
-- While a job is held by a gate, at least `limit` others of the gate run or are ready: each that leaves lets one in.
-- Keys of a queue: hash `busy`, of each gate members * 2^20 + running, where members are ready, held or running jobs of a key; beside BullMQ's sets `held`, all jobs
-- that are held, by their scores; hash `held-by`, of each { since, kind, name, limit, ms, burst, and the same three of its own where they are from outside }; sorted sets `held:<gate>` of jobs by their scores; hash `tat`, of each rate the time at which its next
-- job is due; sorted set `waking` of rates with held jobs, by when the next may start; hash `pins` of limits that were set from outside.
-- Needs tenant-of.lua. `q`: prefix, prioritized, marker, meta, hasPins.
local function openSlots(q)
  local beside = string.match(q.prefix, '^.*}')
  local busy, all, held, heldAt, tat, waking, pins = beside .. ':busy', q.prefix .. 'held', beside .. ':held-by', beside .. ':held:', beside .. ':tat', beside .. ':waking', beside .. ':pins'
  local unit, maxHeld = 1048576, 10000
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

  -- The gates of a job, in the order in which it passes them.
  function slots.gates(json, data)
    if not json and not q.hasPins then return {} end
    local of, gates, list = json and cjson.decode(json) or {}, {}, {}
    local tenant = of.t or tenantOf(data)
    gates[1] = { kind = 't', name = 'tenant:' .. tenant, limit = of.m }
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
      if gate.kind ~= 't' then
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
      if gate.kind ~= 't' and gate.members > gate.limit + maxHeld then return 'too_many_held', gate end
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
      if gate.kind ~= 't' then change(gate.name, -unit) end
    end
  end

  -- What a held job asks of its gate: its own limit, unless there is one from outside now.
  local function asked(about)
    local own = about[7] or { about[4], about[5], about[6] }
    local gate = { kind = about[2], name = about[3], limit = own[1], ms = own[2], burst = own[3] }
    pinned(gate)
    return gate
  end

  -- A rate lets no job start before `at`: workers wait for it as for a delayed job.
  local function sleep(name, at)
    redis.call('ZADD', waking, math.ceil(at), name)
    redis.call('ZADD', q.marker, 'LT', math.ceil(at), '1')
  end

  -- When a rate allows the next start, or nil where it never does; and ms between two starts.
  local function freeAt(gate)
    if gate.limit == 0 then return end
    local interval = gate.ms / gate.limit
    return tonumber(redis.call('HGET', tat, gate.name) or 0) - (gate.burst - 1) * interval, interval
  end

  local time
  local function clock()
    if not time then
      local parts = redis.call('TIME')
      time = parts[1] * 1000 + math.floor(parts[2] / 1000)
    end
    return time
  end

  local function letIn(gate, id, score)
    redis.call('ZREM', heldAt .. gate.name, id)
    redis.call('ZREM', all, id)
    redis.call('HDEL', held, id)
    local name, ended, gates, data = unpack(redis.call('HMGET', q.prefix .. id, 'name', 'finishedOn', 'gates', 'data'))
    -- Its job may be gone, or was ended by a version that knows no held jobs: it is no member any more.
    if not name or ended then
      for _, other in ipairs(name and slots.gates(gates, data) or { gate }) do
        if other.kind ~= 't' then change(other.name, -unit) end
      end
      return false
    end
    redis.call('ZADD', q.prioritized, score, id)
    if redis.call('HEXISTS', q.meta, 'paused') == 0 then redis.call('ZADD', q.marker, 0, '0') end
    return true
  end

  -- Lets the first job in that is held by a gate and may pass it now. Of jobs with different limits, the first 32 are looked at.
  local function promote(name, now)
    local ids = redis.call('ZRANGE', heldAt .. name, 0, 31, 'WITHSCORES')
    if #ids == 0 then return false end
    local running = tonumber(redis.call('HGET', busy, name) or 0) % unit
    for n = 1, #ids, 2 do
      local about = redis.call('HGET', held, ids[n])
      local gate = asked(about and cjson.decode(about) or { 0, 'c', name, unit, 0, 1 })
      local isFree = running < gate.limit
      if gate.kind == 'r' then
        local at = freeAt(gate)
        isFree = at and at <= (now or clock())
        if at and not isFree then
          sleep(name, at)
          return false
        end
      end
      if isFree and letIn(gate, ids[n], ids[n + 1]) then return true end
    end
    return false
  end

  -- How many jobs one call moves from a rate to other gates that are full.
  local maxMoved, moved = 8, {}
  -- A job that was ready leaves a gate that it might have passed.
  local function letNextIn(gate, now)
    if gate.kind ~= 'r' then return promote(gate.name, now) end
    moved[gate.name] = (moved[gate.name] or 0) + 1
    if moved[gate.name] <= maxMoved then return promote(gate.name, now) end
    local at, interval = freeAt(gate)
    if at and redis.call('EXISTS', heldAt .. gate.name) == 1 then sleep(gate.name, math.max(at, now + interval)) end
  end

  -- A job is held by a gate that it does not pass.
  function slots.hold(id, gate, score, now)
    redis.call('ZADD', heldAt .. gate.name, score, id)
    redis.call('ZADD', all, score, id)
    redis.call('HSET', held, id, cjson.encode({ tonumber(now), gate.kind, gate.name, gate.limit, gate.ms or 0, gate.burst or 1, gate.own }))
    if gate.at then sleep(gate.name, gate.at) end
  end

  local function passRate(gate, now)
    local at, interval = freeAt(gate)
    gate.at = at
    if not at or at > tonumber(now) then return false end
    local due = math.max(at + (gate.burst - 1) * interval, tonumber(now)) + interval
    redis.call('HSET', tat, gate.name, string.format('%.3f', due))
    if redis.call('EXISTS', heldAt .. gate.name) == 1 then sleep(gate.name, due - (gate.burst - 1) * interval) end
    return true
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
          if m ~= n then letNextIn(other, tonumber(now)) end
        end
        return nil, gate
      end
      letters = letters .. gate.kind
    end
    return letters
  end

  -- A job gives up what its field `slot` says; with `isLeaving` it is not ready any more either. Others are let in.
  function slots.release(list, slot, isLeaving)
    for _, gate in ipairs(list) do
      local hadSlot = slot and string.find(slot, gate.kind, 1, true)
      local by = (isLeaving and gate.kind ~= 't' and -unit or 0) - (hadSlot and gate.kind ~= 'r' and 1 or 0)
      if by ~= 0 then change(gate.name, by) end
      if not (hadSlot and gate.kind == 'r') then promote(gate.name) end
    end
  end

  -- The start of a job was none: it does not count for its rate.
  function slots.giveBackStart(list, slot)
    for _, gate in ipairs(list) do
      local due = gate.kind == 'r' and string.find(slot, 'r', 1, true) and redis.call('HGET', tat, gate.name)
      if due and gate.limit > 0 then redis.call('HSET', tat, gate.name, string.format('%.3f', due - gate.ms / gate.limit)) end
    end
  end

  -- A job that is held, where it is, or nil: takes it out. Returns its score.
  function slots.takeOut(id)
    local about = redis.call('HGET', held, id)
    if not about then return end
    local name = cjson.decode(about)[3]
    local score = redis.call('ZSCORE', heldAt .. name, id)
    redis.call('ZREM', heldAt .. name, id)
    redis.call('ZREM', all, id)
    redis.call('HDEL', held, id)
    return score
  end

  -- Lets jobs in whose rate allows another start. Returns how many.
  function slots.wake(now)
    now = tonumber(now)
    local names, count = redis.call('ZRANGEBYSCORE', waking, 0, now, 'LIMIT', 0, 64), 0
    if #names == 0 then return 0 end
    redis.call('ZREM', waking, unpack(names))
    for _, name in ipairs(names) do
      local first = redis.call('ZRANGE', heldAt .. name, 0, 0)[1]
      local about = first and redis.call('HGET', held, first)
      local free = 1
      if about then
        local gate = asked(cjson.decode(about))
        local at, interval = freeAt(gate)
        free = at and math.max(1, math.min(math.floor((now - at) / interval) + 1, gate.burst, 64)) or 0
      end
      for _ = 1, free do
        if promote(name, now) then count = count + 1 end
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
    for _ = 1, math.min(limit, 1000) do
      if not promote(name) then return end
    end
  end

  slots.change, slots.promote = change, promote
  slots.keys = { busy = busy, all = all, held = held, tat = tat, waking = waking }
  return slots
end

