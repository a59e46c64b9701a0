-- Where jobs become ready and cease to be. Needs tenant-of.lua, fair.lua, slots.lua and queue-job.lua.
-- `sets` of a queue: prioritized, delayed, priority counter, marker, meta. `isFair` and `isLimited`: what its meta says in `drover.fair` and `drover.limits`.
local function openReady(prefix, sets, isFair, isLimited)
  local q = { prefix = prefix, prioritized = sets[1], counter = sets[3], marker = sets[4], meta = sets[5], hasTurns = isFair == '2' }
  -- `1`, `2` or `2y`, and while the sweep counts the number of its count.
  q.hasPins, q.pass = string.sub(isLimited or '', 1, 1) == '2', string.match(isLimited or '', ' (%d+)$')
  q.hasTypes = string.sub(isLimited or '', 2, 2) == 'y'
  q.fair = isFair and openFair(q)
  local ready = { fair = q.fair, slots = isLimited and openSlots(q), queue = q }

  -- A new job needs fairness, or has gates.
  function ready.needFair()
    if ready.fair then return end
    ready.fair = openFair(q)
    q.fair = ready.fair
    ready.fair.begin()
  end
  function ready.needSlots()
    if ready.slots then return end
    redis.call('HSET', q.meta, 'drover.limits', 1)
    ready.slots = openSlots(q)
  end

  -- Jobs become ready, each { id, priority } and, where that is asked for, `data`, `createdAt`, `turn`, `gates`: behind those of their priority, as BullMQ's own add puts
  -- them, or in the order of fairness. One may be held at once: it has no place yet. `list`: the gates of a job that has joined already.
  function ready.enter(jobs, now)
    if #jobs == 0 then return end
    for _, job in ipairs(jobs) do
      -- The sweep forgets that a queue needs them when nothing waits in it. Then an ended job may be retried.
      if job.turn then ready.needFair() end
      if job.gates then ready.needSlots() end
    end
    local placed = {}
    for _, job in ipairs(jobs) do
      if ready.slots and not job.list then
        job.list = ready.slots.gates(job.gates, job.data)
        job.full = ready.slots.join(job.list)
      end
      if not (ready.fair and job.full) then placed[#placed + 1] = job end
    end
    if ready.fair then
      ready.fair.tag(placed)
    else
      local last = redis.call('INCRBY', q.counter, #jobs)
      for n, job in ipairs(jobs) do job.score = string.format('%.0f', job.priority * 0x100000000 + (last - #jobs + n) % 0x100000000) end
    end
    local entries = {}
    for _, job in ipairs(jobs) do
      if job.full then
        ready.hold(job, job.full, now)
      else
        entries[#entries + 1], entries[#entries + 2] = job.score, job.id
      end
    end
    if #entries > 0 then redis.call('ZADD', q.prioritized, unpack(entries)) end
  end

  -- A job is held by a gate. `score`: of its place, where it had one.
  function ready.hold(job, gate, now)
    local order = job.score
    if ready.fair then
      order = ready.fair.order(job.priority, job.createdAt)
      if job.score then ready.fair.hold(job.id, job.score, job.data) end
    end
    ready.slots.hold(job.id, gate, order, job.score or false, now)
  end

  -- What entering needs to know of a job.
  function ready.read(id)
    local priority, data, turn, gates, createdAt = unpack(redis.call('HMGET', prefix .. id, 'priority', 'data', 'turn', 'gates', 'timestamp'))
    -- Of the default priority it has no field.
    return { id = id, priority = tonumber(priority or 10), data = data, turn = turn, gates = gates, createdAt = createdAt }
  end

  -- Takes a job out that is ready or held, unstarted, and lets others in. Returns whether it was.
  function ready.takeOut(id)
    if not (ready.fair or ready.slots) then return redis.call('ZREM', q.prioritized, id) == 1 end
    local score = redis.call('ZSCORE', q.prioritized, id)
    if score then
      redis.call('ZREM', q.prioritized, id)
      if ready.fair then ready.fair.leave(id, score, redis.call('HGET', prefix .. id, 'data')) end
    elseif not (ready.slots and ready.slots.takeOut(id)) then
      return false
    end
    ready.leave(id, false)
    return true
  end

  -- A job that ran or was ready does neither any more (`isReady` false), or is ready again: gives up what it had passed. With `keepsField` the caller
  -- removes its field `slot`; returns whether it has one.
  function ready.leave(id, isReady, keepsField)
    if not ready.slots then return false end
    local slot, gates = unpack(redis.call('HMGET', prefix .. id, 'slot', 'gates'))
    if not (gates or slot or q.hasPins) then return false end
    if slot and not keepsField then redis.call('HDEL', prefix .. id, 'slot') end
    local data = not gates and redis.call('HGET', prefix .. id, 'data')
    ready.slots.release(ready.slots.gates(gates, data, ready.slots.typeOf(id)), slot, not isReady)
    return slot and true
  end

  return ready
end

-- … by the prefix of the job keys alone.
local function readyOf(prefix)
  local sets = {}
  for n, set in ipairs({ 'prioritized', 'delayed', 'pc', 'marker', 'meta' }) do sets[n] = prefix .. set end
  local isFair, isLimited = unpack(redis.call('HMGET', sets[5], 'drover.fair', 'drover.limits'))
  return openReady(prefix, sets, isFair, isLimited)
end

