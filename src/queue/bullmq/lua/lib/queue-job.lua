-- `sets` of a queue: prioritized, delayed, priority counter, marker, meta

-- Puts jobs that are in none of BullMQ's sets where BullMQ's own add would: behind those of their priority. `jobs`: priority and id of each.
local function queueReady(sets, jobs)
  if #jobs == 0 then return end
  local last = redis.call('INCRBY', sets[3], #jobs / 2)
  local entries = {}
  for n = 1, #jobs, 2 do
    local place = last - (#jobs - n - 1) / 2
    entries[n], entries[n + 1] = jobs[n] * 0x100000000 + place % 0x100000000, jobs[n + 1]
  end
  redis.call('ZADD', sets[1], unpack(entries))
end

-- … one, and wakes a worker. One that is not due yet waits until then.
local function queueJob(sets, id, priority, dueAt, now)
  if not (dueAt and dueAt > now) then
    queueReady(sets, { priority, id })
    -- The marker wakes a worker.
    if redis.call('HEXISTS', sets[5], 'paused') == 0 then redis.call('ZADD', sets[4], 0, '0') end
    return
  end
  -- BullMQ's score: the due time in ms, shifted left by 12 bits, and a counter.
  local least, max = dueAt * 0x1000, (dueAt + 1) * 0x1000 - 1
  local last = redis.call('ZREVRANGEBYSCORE', sets[2], max, least, 'WITHSCORES', 'LIMIT', 0, 1)
  local score = last[2] and math.min(tonumber(last[2]) + 1, max) or least
  redis.call('ZADD', sets[2], score, id)
  local first = redis.call('ZRANGE', sets[2], 0, 0, 'WITHSCORES')
  redis.call('ZADD', sets[4], tonumber(first[2]) / 0x1000, '1')
end

local function limitTime(limits, id, startBy, deadline)
  if startBy ~= '' then redis.call('ZADD', limits, startBy, 's:' .. id) end
  if deadline ~= '' then redis.call('ZADD', limits, deadline, 'd:' .. id) end
end

