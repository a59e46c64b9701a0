-- Puts a job that is in none of BullMQ's sets where BullMQ's own add would: behind those of its priority, or until it is due.
-- `sets`: prioritized, delayed, priority counter, marker, meta
local function queueJob(sets, id, priority, dueAt, now)
  if dueAt and dueAt > now then
    -- BullMQ's score: the due time in ms, shifted left by 12 bits, and a counter.
    local least, most = dueAt * 0x1000, (dueAt + 1) * 0x1000 - 1
    local last = redis.call('ZREVRANGEBYSCORE', sets[2], most, least, 'WITHSCORES', 'LIMIT', 0, 1)
    local score = last[2] and math.min(tonumber(last[2]) + 1, most) or least
    redis.call('ZADD', sets[2], score, id)
    local first = redis.call('ZRANGE', sets[2], 0, 0, 'WITHSCORES')
    redis.call('ZADD', sets[4], tonumber(first[2]) / 0x1000, '1')
  else
    redis.call('ZADD', sets[1], priority * 0x100000000 + redis.call('INCR', sets[3]) % 0x100000000, id)
    -- The marker wakes a worker.
    if redis.call('HEXISTS', sets[5], 'paused') == 0 then redis.call('ZADD', sets[4], 0, '0') end
  end
end

local function limitTime(limits, id, startBy, deadline)
  if startBy ~= '' then redis.call('ZADD', limits, startBy, 's:' .. id) end
  if deadline ~= '' then redis.call('ZADD', limits, deadline, 'd:' .. id) end
end

