-- `sets` of a queue: prioritized, delayed, priority counter, marker, meta

-- Puts jobs where BullMQ's own add would: behind those of their priority. `jobs`: priority and id of each. For a queue without fairness and limits: see ready.lua.
local function enterPlainly(jobs, sets)
  if #jobs == 0 then return end
  local last, entries = redis.call('INCRBY', sets[3], #jobs / 2), {}
  for n = 1, #jobs, 2 do
    entries[n], entries[n + 1] = jobs[n] * 0x100000000 + (last - (#jobs - n - 1) / 2) % 0x100000000, jobs[n + 1]
  end
  redis.call('ZADD', sets[1], unpack(entries))
end

-- … where fairness or limits are in use, before `jobs` as ready.lua has them.
local function enterAll(entry, plain, jobs, now)
  local all = {}
  for n = 1, #plain, 2 do all[#all + 1] = { id = plain[n + 1], priority = plain[n] } end
  for _, job in ipairs(jobs) do all[#all + 1] = job end
  entry.enter(all, now)
end

-- Puts a job that is not due yet where it waits until then.
local function delayJob(sets, id, dueAt)
  -- BullMQ's score: the due time in ms, shifted left by 12 bits, and a counter.
  local least, max = dueAt * 0x1000, (dueAt + 1) * 0x1000 - 1
  local last = redis.call('ZREVRANGEBYSCORE', sets[2], max, least, 'WITHSCORES', 'LIMIT', 0, 1)
  local score = last[2] and math.min(tonumber(last[2]) + 1, max) or least
  redis.call('ZADD', sets[2], score, id)
  local first = redis.call('ZRANGE', sets[2], 0, 0, 'WITHSCORES')
  redis.call('ZADD', sets[4], tonumber(first[2]) / 0x1000, '1')
end

-- Wakes a worker.
local function wakeWorker(sets)
  if redis.call('HEXISTS', sets[5], 'paused') == 0 then redis.call('ZADD', sets[4], 0, '0') end
end

local function limitTime(limits, id, startBy, deadline)
  if startBy ~= '' then redis.call('ZADD', limits, startBy, 's:' .. id) end
  if deadline ~= '' then redis.call('ZADD', limits, deadline, 'd:' .. id) end
end

