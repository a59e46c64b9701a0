-- BullMQ's list of the jobs that run, newest first. To walk it takes 10 ns a job, which is felt from some thousands on. So both ends are looked at
-- first. Between them a job is found by the order of the list, which is that of the starts. `prefix`: of the job keys.

-- How far from each end is looked first, and up to which length a list is walked.
local nearActive, walkedActive = 200, 4000

-- By what a job stands in the list: when it started; of one that has taken the place of another, when that did: see removeActiveAt. Nil when unknown.
local function activeOrder(jobKey)
  local found = redis.pcall('HMGET', jobKey, 'processedOn', 'ats', 'place')
  if found.err then return nil end
  local start, at = string.match(found[3] or '', '^(%d+) (%d+)$')
  return tonumber(start and start == found[2] and at or found[1] or nil)
end

-- The index of a job in a long list, or nil.
local function searchActive(active, prefix, id, length)
  local order = activeOrder(prefix .. id)
  if not order then return nil end
  local from, to = 0, length - 1
  while to - from > 16 do
    local middle = math.floor((from + to) / 2)
    local other = activeOrder(prefix .. redis.call('LINDEX', active, middle))
    if other and other > order then from = middle else to = middle end
  end
  -- The clocks of workers differ.
  for _, around in ipairs({ 24, 400 }) do
    local first = math.max(0, from - around)
    for n, other in ipairs(redis.call('LRANGE', active, first, to + around)) do
      if other == id then return first + n - 1 end
    end
  end
end

-- Whether a job is in the list.
local function isActive(active, prefix, id)
  local length = redis.call('LLEN', active)
  return length > walkedActive
      and (redis.call('LPOS', active, id, 'MAXLEN', nearActive)
        or redis.call('LPOS', active, id, 'RANK', -1, 'MAXLEN', nearActive)
        or searchActive(active, prefix, id, length))
    or redis.call('LPOS', active, id)
end

-- Removes the job at an index. Redis does so at the ends alone: the oldest takes the place of the one that goes, and its place in the order. Returns
-- the oldest, or nil where that is refused: a user of Redis needs the right to LSET.
local function removeActiveAt(active, prefix, id, index)
  local oldest = redis.call('LINDEX', active, -1)
  local reply = redis.pcall('LSET', active, index, oldest)
  if reply.err then return nil end
  redis.call('RPOP', active)
  if oldest == id then return oldest end
  local order, starts = activeOrder(prefix .. id), redis.pcall('HGET', prefix .. oldest, 'ats')
  if order and type(starts) == 'string' then redis.call('HSET', prefix .. oldest, 'place', string.format('%s %.0f', starts, order)) end
  return oldest
end

-- Removes a job from the list. `length`: of the list, where that is known. Returns 0 when it is not there, else 1.
local function removeActive(active, prefix, id, length)
  length = length or redis.call('LLEN', active)
  if length <= 2 * nearActive then return redis.call('LREM', active, -1, id) end
  if redis.call('LPOS', active, id, 'MAXLEN', nearActive) then return redis.call('LREM', active, 1, id) end
  if redis.call('LPOS', active, id, 'RANK', -1, 'MAXLEN', nearActive) then return redis.call('LREM', active, -1, id) end
  local index = length > walkedActive and searchActive(active, prefix, id, length)
  if index and removeActiveAt(active, prefix, id, index) then return 1 end
  return redis.call('LREM', active, -1, id)
end

