-- Fairness between the tenants of a queue: start-time fair queueing (https://doi.org/10.1145/248156.248171). A job that becomes ready gets a tag,
-- max(V, last tag of its tenant) + 1 / weight, where V is the largest tag that was started; BullMQ's score is its priority and this tag. With one tenant
-- the tag is BullMQ's counter. A tenant that divides its share by `fairness_key` has one tag a job as any other: which of its jobs runs at its turn is
-- decided when the turn comes, by the same rule among its keys, so that keys never multiply a share.
-- Hash `fair` of a queue: `v<priority>`, `<priority>/<tenant>` the last tag, `n<priority>/<tenant>` how many wait. It goes when nothing waits.
-- Sorted set `turns:<priority>:<tenant>`: jobs by their tags among the keys of the tenant; with `:last`, the last tag of each key.
-- Needs tenant-of.lua. `q`: prefix, prioritized, counter, meta.
local function openFair(q)
  local beside = string.match(q.prefix, '^.*}')
  local fairKey, span = beside .. ':fair', 0x100000000
  local fair = {}

  local function exact(number)
    return string.format('%.17g', number)
  end
  -- The field `turn` of a job: '<weight> <fairness key>', absent where it is '1 '.
  local function parseTurn(turn)
    local weight, key = string.match(turn or '', '^(%S+) (.*)$')
    return tonumber(weight or 1), key or ''
  end
  local function turnsKey(priority, tenant)
    return beside .. ':turns:' .. priority .. ':' .. tenant
  end
  -- The tag of a job among the keys of its tenant.
  local function tagByKey(turns, key)
    local v, last = unpack(redis.call('HMGET', turns .. ':last', 'v', 'k' .. key))
    local tag = math.max(tonumber(v or 0), tonumber(last or 0)) + 1
    redis.call('HSET', turns .. ':last', 'k' .. key, exact(tag))
    return tag
  end
  local function forgetTurn(turns, id)
    if redis.call('ZREM', turns, id) == 1 and redis.call('EXISTS', turns) == 0 then redis.call('DEL', turns .. ':last') end
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
            -- How many of it wait is not known.
            if redis.call('HSETNX', fairKey, lane, exact(latest[n + 1] - low)) == 1 then redis.call('HSET', fairKey, 'n' .. lane, 1000000) end
          end
        end
      end
    end
  end

  -- Sets the `score` of jobs that become ready, each { id, priority, data, turn }.
  function fair.tag(jobs)
    local fields, at, values = {}, {}, {}
    local function ask(field)
      if at[field] then return end
      fields[#fields + 1] = field
      at[field] = #fields
    end
    for _, job in ipairs(jobs) do
      job.lane = job.priority .. '/' .. tenantOf(job.data)
      ask('v' .. job.priority)
      ask(job.lane)
      ask('n' .. job.lane)
    end
    local found, set = redis.call('HMGET', fairKey, unpack(fields)), {}
    for field, n in pairs(at) do values[field] = tonumber(found[n] or 0) end
    for _, job in ipairs(jobs) do
      local weight, key = parseTurn(job.turn)
      local tag = math.max(values['v' .. job.priority], values[job.lane]) + 1 / weight
      values[job.lane] = tag
      values['n' .. job.lane] = values['n' .. job.lane] + 1
      job.score = exact(job.priority * span + tag)
      if key ~= '' then
        local turns = turnsKey(job.priority, tenantOf(job.data))
        redis.call('ZADD', turns, exact(tagByKey(turns, key)), job.id)
        if not q.hasKeys then redis.call('HSET', q.meta, 'drover.fair', 2) end
        q.hasKeys = true
      end
    end
    for field in pairs(at) do
      if string.sub(field, 1, 1) ~= 'v' then set[#set + 1], set[#set + 2] = field, exact(values[field]) end
    end
    redis.call('HSET', fairKey, unpack(set))
  end

  -- The next job and its score, as ZPOPMIN: at the turn of a tenant with keys the job of the key whose turn it is.
  function fair.pop()
    local popped = redis.call('ZPOPMIN', q.prioritized)
    local id, score = popped[1], popped[2]
    if not id then return popped end
    local turns = turnsKey(math.floor(score / span), tenantOf(redis.call('HGET', q.prefix .. id, 'data')))
    if redis.call('EXISTS', turns) == 0 then return popped end
    -- A job without a key: those of its tenant take turns as one key, in their order.
    if not redis.call('ZSCORE', turns, id) then redis.call('ZADD', turns, exact(tagByKey(turns, '')), id) end
    for _, next in ipairs(redis.call('ZRANGE', turns, 0, 15)) do
      local place = next ~= id and redis.call('ZSCORE', q.prioritized, next)
      if place then
        redis.call('ZREM', q.prioritized, next)
        redis.call('ZADD', q.prioritized, place, id)
      end
      if place or next == id then
        redis.call('HSET', turns .. ':last', 'v', redis.call('ZSCORE', turns, next))
        forgetTurn(turns, next)
        return { next, score }
      end
      -- A tool of BullMQ has removed it.
      forgetTurn(turns, next)
    end
    return popped
  end

  -- Jobs were started: each { score, data }. A job that was put back has the tag 0, which does not set V back.
  function fair.start(jobs)
    local tags, counts = {}, {}
    for _, job in ipairs(jobs) do
      local priority = math.floor(job.score / span)
      local lane = priority .. '/' .. tenantOf(job.data)
      tags[priority] = math.max(tags[priority] or 0, job.score - priority * span)
      counts[lane] = (counts[lane] or 0) + 1
    end
    for lane, count in pairs(counts) do redis.call('HINCRBY', fairKey, 'n' .. lane, -count) end
    for priority, tag in pairs(tags) do
      if tag > tonumber(redis.call('HGET', fairKey, 'v' .. priority) or 0) then redis.call('HSET', fairKey, 'v' .. priority, exact(tag)) end
      -- Jobs of BullMQ's own producers are tagged by this counter: it does not stay behind V.
      if tag > tonumber(redis.call('GET', q.counter) or 0) then redis.call('SET', q.counter, exact(math.floor(tag))) end
    end
  end

  -- A job waits again with the tag 0.
  function fair.putBack(priority, data)
    redis.call('HINCRBY', fairKey, 'n' .. priority .. '/' .. tenantOf(data), 1)
  end

  -- A job leaves the queue unstarted. Its tenant gets the unit back as far as none of its jobs is overtaken by a later one.
  function fair.leave(id, score, data, turn)
    local priority = math.floor(score / span)
    local tenant = tenantOf(data)
    local lane = priority .. '/' .. tenant
    forgetTurn(turnsKey(priority, tenant), id)
    if redis.call('HINCRBY', fairKey, 'n' .. lane, -1) <= 0 then
      redis.call('HDEL', fairKey, lane, 'n' .. lane)
    elseif tonumber(redis.call('HGET', fairKey, lane) or 0) <= score - priority * span + 0.0001 then
      redis.call('HSET', fairKey, lane, exact(redis.call('HGET', fairKey, lane) - 1 / (parseTurn(turn))))
    end
  end

  -- A job is held: it has no turn meanwhile.
  function fair.hold(id, score, data)
    forgetTurn(turnsKey(math.floor(score / span), tenantOf(data)), id)
  end

  -- Nothing waits.
  function fair.clear()
    redis.call('DEL', fairKey)
  end

  return fair
end

