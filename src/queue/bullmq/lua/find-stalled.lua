-- include bullmq/lib/write-event
-- include bullmq/lib/active-list
--[[
  Looks at some of the running jobs, from the oldest on, for those whose lock has run out, and gives them back to the head of their queue, as
  BullMQ's moveStalledJobsToWait does. That one marks every running job at one call, and at the next looks at those whose mark no renewal has
  removed; ours looks at the locks. One process looks at a time.
  KEYS: who looks, active, wait, stalled, meta, marker, repeat
  ARGV: prefix of the job keys, name of the process, ms that it may take until its next call, how many of the oldest were looked at, how many to look
        at, how many to give back at most, how often a job may stall, by what the newest of those stands in the list or 0, how many to look at again
  Returns for how many ms another process looks, or { how many were looked at, or -1 when that was all, how many run, by what the newest of those stands,
          id of each that was given back … }
]]
local looker, active, wait, stalled, meta, marker, schedulers = unpack(KEYS)
local prefix, from, count, max = ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local holder = redis.call('GET', looker)
if holder and holder ~= ARGV[2] then return math.max(1, redis.call('PTTL', looker)) end
-- First what Redis does when it is out of memory, too: then it does the rest.
redis.call('DEL', looker)
redis.call('SET', looker, ARGV[2], 'PX', ARGV[3])

local length = redis.call('LLEN', active)
local ids, locks, found, indexes = {}, {}, {}, {}
local seenUntil = tonumber(ARGV[8])
if seenUntil > 0 then
  -- Each job that has ended meanwhile has moved those behind it up by one.
  local behind = math.min(from, length)
  from = 0
  while behind - from > 16 do
    local middle = math.floor((from + behind) / 2)
    local order = activeOrder(prefix .. redis.call('LINDEX', active, -middle - 1))
    if order and order <= seenUntil then from = middle else behind = middle end
  end
  -- The clocks of workers differ.
  from = math.max(0, from - tonumber(ARGV[9]))
end
if from < length then ids = redis.call('LRANGE', active, -from - count, -from - 1) end
seenUntil = ids[1] and activeOrder(prefix .. ids[1]) or 0
for n, id in ipairs(ids) do locks[n] = prefix .. id .. ':lock' end
if #ids > 0 and redis.call('EXISTS', unpack(locks)) < #ids then
  for n = #ids, 1, -1 do
    if #found < max and redis.call('EXISTS', locks[n]) == 0 then
      found[#found + 1] = ids[n]
      indexes[ids[n]] = length - from - #ids + n - 1
    end
  end
end

-- The oldest last: it is fetched first.
for n = #found, 1, -1 do
  local id = found[n]
  local jobKey = prefix .. id
  local moved = length > 2 * nearActive and removeActiveAt(active, prefix, id, indexes[id])
  if moved then indexes[moved] = indexes[id] else redis.call('LREM', active, -1, id) end
  -- An id without a job goes.
  if redis.call('EXISTS', jobKey) == 1 then
    local stalls, scheduler = redis.call('HINCRBY', jobKey, 'stc', 1), redis.call('HGET', jobKey, 'rjk')
    local isRepeated = scheduler and (redis.call('EXISTS', schedulers .. ':' .. scheduler) == 1 or redis.call('ZSCORE', schedulers, scheduler))
    if stalls > tonumber(ARGV[7]) and not isRepeated then redis.call('HSET', jobKey, 'defa', 'job stalled more than allowable limit') end
    redis.call('RPUSH', wait, id)
    writeEvent(prefix, 'waiting', 'jobId', id, 'prev', 'active')
    writeEvent(prefix, 'stalled', 'jobId', id)
  end
end
if #found > 0 then
  redis.call('SREM', stalled, unpack(found))
  local paused, concurrency = unpack(redis.call('HMGET', meta, 'paused', 'concurrency'))
  local isMaxed = concurrency and redis.call('LLEN', active) >= tonumber(concurrency)
  if not (paused or isMaxed) then redis.call('ZADD', marker, 0, '0') end
end
-- Where more have stalled than one call gives back, the same are looked at again.
local running = redis.call('LLEN', active)
if #found == max then return { from, running, '0', unpack(found) } end
local next = #ids < count and -1 or from + #ids - #found
return { next, running, string.format('%.0f', seenUntil), unpack(found) }
