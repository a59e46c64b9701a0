-- Fairness between the tenants of a queue: start-time fair queueing (https://doi.org/10.1145/248156.248171). A job that becomes ready gets a place,
-- max(V, last place of its tenant) + 1 / weight, where V is the largest place that was reached; BullMQ's score is its priority and this place. With one
-- tenant the place is BullMQ's counter. Which job of a tenant runs at one of its places is decided by its turns: in their order; by the same rule among
-- its fairness keys where it has some, so that keys never multiply a share; and a job that was held comes back as one of a key of its own.
-- Hash `fair` of a queue: `v<priority>`, `<priority>/<tenant>` the last place, `r<priority>/<tenant>` the last of a job that came back from being held, `u…` where
-- jobs of it are in no turns, `c…` from which turn on its jobs are to move up. It goes when nothing waits.
-- Sorted set `turns:<priority>:<tenant>`: the ready jobs of a tenant by their turns. Hash `…:last`, where that is not the order of the places: `v` the turn that was
-- reached, `k<key>` the last turn of a key, `r<key>` that of its jobs that were held.
-- Needs tenant-of.lua. `q`: prefix, prioritized, counter, meta, hasTurns.
-- How often one call lets the jobs behind one that left move up at once; the sweep does it for others.
local moveUpsLeft = 5
local function openFair(q)
  local beside = string.match(q.prefix, '^.*}')
  local fairKey, span, maxMovedUp, maxCleared = beside .. ':fair', 0x100000000, 100, 1000
  local fair, reached = { key = fairKey }, {}

  local function exact(number)
    return string.format('%.17g', number)
  end
  -- The field `turn` of a job: '<weight> <fairness key>', absent where it is '1 '. Returns 1 / weight, and the key.
  local function parseTurn(turn)
    local weight, key = string.match(turn or '', '^(%S+) (.*)$')
    return 1 / tonumber(weight or 1), key or ''
  end
  local function turnsKey(priority, tenant)
    return beside .. ':turns:' .. priority .. ':' .. tenant
  end
  -- V of a priority; `stored`: what the hash says of it.
  local function vOf(priority, stored)
    return math.max(tonumber(stored or 0), reached[priority] or 0)
  end
  local function forgetTurn(turns, id)
    if redis.call('ZREM', turns, id) == 1 and redis.call('EXISTS', turns) == 0 then redis.call('DEL', turns .. ':last') end
  end
  -- From now on each turn decides which job is the next.
  local function needTurns()
    if q.hasTurns then return end
    redis.call('HSET', q.meta, 'drover.fair', 2)
    q.hasTurns = true
  end

  -- The turn of a job of a key, whose last is in `field`. `last`: the last place of the tenant before it.
  local function turnOf(turns, field, step, last)
    local v, before = unpack(redis.call('HMGET', turns .. ':last', 'v', field))
    if not v then
      -- So far its turns are its places.
      v = (redis.call('ZRANGE', turns, 0, 0, 'WITHSCORES')[2] or last + step) - step
      before = field == 'k' and last
      redis.call('HSET', turns .. ':last', 'v', exact(v), 'k', exact(last))
    end
    local turn = math.max(tonumber(v), tonumber(before or 0)) + step
    redis.call('HSET', turns .. ':last', field, exact(turn))
    needTurns()
    return turn
  end

  -- The first job that needs it: jobs that wait already keep their order, and new ones of their tenants stay behind them.
  function fair.begin()
    redis.call('HSET', q.meta, 'drover.fair', 1)
    for priority = 1, 10 do
      local low, high = priority * span, '(' .. exact((priority + 1) * span)
      local first = redis.call('ZRANGEBYSCORE', q.prioritized, low, high, 'WITHSCORES', 'LIMIT', 0, 1)
      if first[1] then
        redis.call('HSET', fairKey, 'v' .. priority, exact(math.max(0, first[2] - low - 1)))
        local latest = redis.call('ZREVRANGEBYSCORE', q.prioritized, high, low, 'WITHSCORES', 'LIMIT', 0, 100)
        for n = 1, #latest, 2 do
          local jobKey = q.prefix .. latest[n]
          if redis.call('HSTRLEN', jobKey, 'data') < 65536 then
            local lane = priority .. '/' .. tenantOf(redis.call('HGET', jobKey, 'data'))
            if redis.call('HSETNX', fairKey, lane, exact(latest[n + 1] - low)) == 1 then redis.call('HSET', fairKey, 'u' .. lane, 1) end
          end
        end
      end
    end
  end

  -- Sets the `score` of jobs that become ready, each { id, priority, data, turn }.
  function fair.tag(jobs)
    if #jobs == 0 then return end
    local fields, at, values, lanes = {}, {}, {}, {}
    local function ask(field)
      if at[field] then return end
      fields[#fields + 1] = field
      at[field] = #fields
    end
    for _, job in ipairs(jobs) do
      job.tenant = tenantOf(job.data)
      job.lane = job.priority .. '/' .. job.tenant
      ask('v' .. job.priority)
      ask(job.lane)
    end
    local found = redis.call('HMGET', fairKey, unpack(fields))
    for field, n in pairs(at) do values[field] = found[n] and tonumber(found[n]) end
    for _, job in ipairs(jobs) do
      local step, key = parseTurn(job.turn)
      local turns, last = turnsKey(job.priority, job.tenant), values[job.lane]
      -- A tool of BullMQ may have removed the jobs of its last turns.
      if not last then
        redis.call('DEL', turns, turns .. ':last')
        last = 0
      end
      local tag = math.max(vOf(job.priority, values['v' .. job.priority]), last) + step
      values[job.lane] = tag
      job.score = exact(job.priority * span + tag)
      local turn = tag
      if key ~= '' or q.hasTurns and redis.call('EXISTS', turns .. ':last') == 1 then turn = turnOf(turns, 'k' .. key, step, math.max(last, tag - step)) end
      local entries = lanes[job.lane] or { turns = turns }
      lanes[job.lane] = entries
      entries[#entries + 1], entries[#entries + 2] = exact(turn), job.id
      -- The next of its lane may begin the turns, which looks at the first.
      if key ~= '' then
        redis.call('ZADD', turns, unpack(entries))
        lanes[job.lane] = nil
      end
    end
    local set = {}
    for lane, entries in pairs(lanes) do redis.call('ZADD', entries.turns, unpack(entries)) end
    for field in pairs(at) do
      if string.sub(field, 1, 1) ~= 'v' then set[#set + 1], set[#set + 2] = field, exact(values[field]) end
    end
    redis.call('HSET', fairKey, unpack(set))
  end

  -- The score by which a job is held: jobs of a key keep the order of their submission, which their places do not have.
  function fair.order(priority, createdAt)
    return priority * span + createdAt / 1000
  end

  -- A job that was held, { id, priority, data, turn }, is ready. `place`: the score at which its turn came while it was held, for which its tenant had its place, or
  -- false where it had none. Returns its score.
  function fair.comeBack(job, place)
    local tenant = tenantOf(job.data)
    local lane, turns = job.priority .. '/' .. tenant, turnsKey(job.priority, tenant)
    local step, key = parseTurn(job.turn)
    local v, last, back = unpack(redis.call('HMGET', fairKey, 'v' .. job.priority, lane, 'r' .. lane))
    v, last = vOf(job.priority, v), tonumber(last or 0)
    local tag
    if place then
      tag = math.max(place - job.priority * span, math.max(v, tonumber(back or 0)) + step)
      redis.call('HSET', fairKey, 'r' .. lane, exact(tag))
      redis.call('HSETNX', fairKey, lane, exact(v))
    else
      tag = math.max(v, last) + step
      redis.call('HSET', fairKey, lane, exact(tag))
    end
    local turn = tag
    if redis.call('EXISTS', turns) == 1 then turn = turnOf(turns, 'r' .. key, step, math.max(v, last)) end
    redis.call('ZADD', turns, exact(turn), job.id)
    return exact(job.priority * span + tag)
  end

  -- The next job and its score, as ZPOPMIN: at a place of a tenant its job whose turn it is.
  function fair.pop()
    local popped = redis.call('ZPOPMIN', q.prioritized)
    local id, score = popped[1], popped[2]
    if not id then return popped end
    local priority = math.floor(score / span)
    local turns = turnsKey(priority, tenantOf(redis.call('HGET', q.prefix .. id, 'data')))
    if redis.call('EXISTS', turns) == 0 then return popped end
    -- A job that waited before tenants shared the queue.
    if not redis.call('ZSCORE', turns, id) then redis.call('ZADD', turns, exact(turnOf(turns, 'k', 1, score - priority * span)), id) end
    for _, next in ipairs(redis.call('ZRANGE', turns, 0, 15)) do
      local place = next ~= id and redis.call('ZSCORE', q.prioritized, next)
      if place then
        redis.call('ZREM', q.prioritized, next)
        redis.call('ZADD', q.prioritized, place, id)
      end
      if place or next == id then
        local v = redis.call('HGET', turns .. ':last', 'v')
        local turn = redis.call('ZSCORE', turns, next)
        if v and tonumber(turn) > tonumber(v) then
          v = turn
          redis.call('HSET', turns .. ':last', 'v', v)
        end
        if v then
          -- What `v` has reached says no more than nothing.
          local _, key = parseTurn(redis.call('HGET', q.prefix .. next, 'turn'))
          local lastTurns = redis.call('HMGET', turns .. ':last', 'k' .. key, 'r' .. key)
          for n, field in ipairs({ 'k' .. key, 'r' .. key }) do
            if lastTurns[n] and tonumber(lastTurns[n]) <= tonumber(v) then redis.call('HDEL', turns .. ':last', field) end
          end
        end
        forgetTurn(turns, next)
        return { next, score }
      end
      -- A tool of BullMQ has removed it.
      forgetTurn(turns, next)
    end
    return popped
  end

  -- The turn of a place has come. A job that was put back has the place 0, which does not set V back.
  function fair.reach(score)
    local priority = math.floor(score / span)
    reached[priority] = math.max(reached[priority] or 0, score - priority * span)
  end

  -- Jobs were started, each { id, score, data }, of which their turns did not decide.
  function fair.start(jobs)
    local lanes = {}
    for _, job in ipairs(jobs) do
      local turns = turnsKey(math.floor(job.score / span), tenantOf(job.data))
      lanes[turns] = lanes[turns] or {}
      lanes[turns][#lanes[turns] + 1] = job.id
    end
    for turns, ids in pairs(lanes) do
      redis.call('ZREM', turns, unpack(ids))
      if q.hasTurns and redis.call('EXISTS', turns) == 0 then redis.call('DEL', turns .. ':last') end
    end
    for priority, tag in pairs(reached) do
      if tag > tonumber(redis.call('HGET', fairKey, 'v' .. priority) or 0) then redis.call('HSET', fairKey, 'v' .. priority, exact(tag)) end
      -- Jobs of BullMQ's own producers are tagged by this counter: it does not stay behind V.
      if tag > tonumber(redis.call('GET', q.counter) or 0) then redis.call('SET', q.counter, exact(math.floor(tag))) end
    end
  end

  -- A job waits again with the place 0.
  function fair.putBack(id, priority, data)
    local tenant = tenantOf(data)
    -- Nothing may have waited meanwhile.
    redis.call('HSETNX', fairKey, priority .. '/' .. tenant, 0)
    redis.call('ZADD', turnsKey(priority, tenant), 0, id)
  end

  -- Jobs of a lane, by their turns from a rank on, move up as if those that left had not been there. Returns whether that was the last of them.
  local function moveUp(priority, tenant, from, count)
    local lane, turns, low = priority .. '/' .. tenant, turnsKey(priority, tenant), priority * span
    local ids = redis.call('ZRANGE', turns, from, from + count - 1)
    if #ids == 0 then return true end
    local before = from > 0 and redis.call('ZSCORE', q.prioritized, redis.call('ZRANGE', turns, from - 1, from - 1)[1])
    local v, last = unpack(redis.call('HMGET', fairKey, 'v' .. priority, lane))
    v = vOf(priority, v)
    local left, places, moved = {}, {}, {}
    for n, score in ipairs(redis.call('ZMSCORE', q.prioritized, unpack(ids))) do
      if score then left[#left + 1], places[#places + 1] = ids[n], score - low else redis.call('ZREM', turns, ids[n]) end
    end
    table.sort(places)
    local step = parseTurn(left[1] and redis.call('HGET', q.prefix .. left[1], 'turn'))
    local at = math.max(before and before - low or 0, v)
    -- Where its turns are its places, they move as well.
    local turnsMoved = redis.call('EXISTS', turns .. ':last') == 0 and {}
    for n, id in ipairs(left) do
      at = math.min(places[n], math.max(at, v) + step)
      moved[#moved + 1], moved[#moved + 2] = exact(low + at), id
      if turnsMoved then turnsMoved[#turnsMoved + 1], turnsMoved[#turnsMoved + 2] = exact(at), id end
    end
    if #moved > 0 then redis.call('ZADD', q.prioritized, 'XX', unpack(moved)) end
    if turnsMoved and #turnsMoved > 0 then redis.call('ZADD', turns, 'XX', unpack(turnsMoved)) end
    local isEnd = #ids < count or redis.call('ZCARD', turns) <= from + count
    if isEnd and tonumber(last or 0) > at then redis.call('HSET', fairKey, lane, exact(at)) end
    return isEnd
  end

  -- A job leaves the queue unstarted: those behind it of its tenant move up, and so do its next ones.
  function fair.leave(id, score, data)
    local priority = math.floor(score / span)
    local tenant = tenantOf(data)
    local lane, turns = priority .. '/' .. tenant, turnsKey(priority, tenant)
    local rank = redis.call('ZRANK', turns, id)
    if not rank then return end
    forgetTurn(turns, id)
    -- Those in no turns would be overtaken.
    if redis.call('HEXISTS', fairKey, 'u' .. lane) == 1 then return end
    local behind = redis.call('ZCARD', turns) - rank
    if rank == 0 and behind == 0 then
      redis.call('HDEL', fairKey, lane, 'r' .. lane, 'c' .. lane)
    else
      moveUpsLeft = moveUpsLeft - 1
      local isMoved = moveUpsLeft >= 0
      if isMoved and moveUp(priority, tenant, math.max(0, rank - 1), maxMovedUp) then return end
      local from = isMoved and rank + maxMovedUp - 2 or rank
      redis.call('HSET', fairKey, 'c' .. lane, math.min(from, tonumber(redis.call('HGET', fairKey, 'c' .. lane) or from)))
    end
  end

  -- A job is held: it has no turn meanwhile.
  function fair.hold(id, score, data)
    forgetTurn(turnsKey(math.floor(score / span), tenantOf(data)), id)
  end

  -- Nothing waits. Jobs that a tool of BullMQ has removed have left their turns. Returns false where these are many: the sweep goes on with them.
  function fair.clear()
    local lanes = redis.call('HLEN', fairKey)
    if lanes > maxCleared then return false end
    if lanes > 0 then
      local entries = redis.call('HGETALL', fairKey)
      for n = 1, #entries, 2 do
        local priority, tenant = string.match(entries[n], '^(%d+)/(.*)$')
        local turns = priority and turnsKey(priority, tenant)
        if turns then redis.call('UNLINK', turns, turns .. ':last') end
      end
      redis.call('DEL', fairKey)
    end
    reached = {}
    return true
  end

  -- Jobs that a tool of BullMQ has removed have no turns. Returns whether none is left. `isIdle`: nothing waits.
  local function forgetGone(turns, isIdle)
    if isIdle then
      redis.call('UNLINK', turns, turns .. ':last')
      return true
    end
    local ids = redis.call('ZRANGE', turns, 0, 99)
    for n, score in ipairs(#ids > 0 and redis.call('ZMSCORE', q.prioritized, unpack(ids)) or {}) do
      if not score then forgetTurn(turns, ids[n]) end
    end
    return redis.call('EXISTS', turns) == 0
  end

  -- Of the sweep: lets jobs move up behind many that left, and forgets what V has reached. `entries`: some of the hash `fair`; `scan(key, name, count)`: some of another.
  function fair.tidy(entries, scan)
    local hasMoved, isIdle = false, redis.call('EXISTS', q.prioritized) == 0
    for n = 1, #entries, 2 do
      local field, value = entries[n], tonumber(entries[n + 1])
      local kind, priority, tenant = string.match(field, '^([rcun]?)(%d+)/(.*)$')
      local turns = priority and turnsKey(priority, tenant)
      local isReached = isIdle or priority and value <= tonumber(redis.call('HGET', fairKey, 'v' .. priority) or 0)
      if kind == 'c' and not hasMoved then
        hasMoved = true
        if moveUp(tonumber(priority), tenant, math.max(0, value - 1), 500) then
          redis.call('HDEL', fairKey, field)
        else
          redis.call('HSET', fairKey, field, value + 400)
        end
      elseif kind == 'n' or kind == 'r' and isReached then
        redis.call('HDEL', fairKey, field)
      elseif kind == '' and forgetGone(turns, isIdle) then
        if isReached then redis.call('HDEL', fairKey, field, 'u' .. field) end
      elseif kind == '' then
        local v = tonumber(redis.call('HGET', turns .. ':last', 'v') or 0)
        local some = v > 0 and scan(turns .. ':last', 'last:' .. field, 100) or {}
        for m = 1, #some, 2 do
          if some[m] ~= 'v' and tonumber(some[m + 1]) <= v then redis.call('HDEL', turns .. ':last', some[m]) end
        end
      end
    end
  end

  return fair
end

