-- Needs ready.lua and write-event.lua. A parked job waits for answers without a worker: it is in BullMQ's `waiting-children`, with its field `parked`:
-- JSON { s = since when, n = how many answers it still needs, w = { { field, until when or 0 }, … } }. Answers are fields of `<job>:checkpoint`, the first of a
-- field counts, and a field of `w` that ends with `*` names all that begin so. A wait for the first of several fields has an entry of `w` for each. A value begins
-- with a number, and the least is the first: that of a signal is `<order in its run, from 1> <JSON>`. `until:<fields> <step>` there: when a wait that has a timeout is
-- over. All times in
-- epoch ms. Sorted set `parked` beside a queue: its parked jobs, by the first timeout of each or infinity.

local function parkedKey(prefix)
  return string.match(prefix, '^.*}') .. ':parked'
end

-- Takes a job out that is parked. Returns whether it was. `prefix`: of the job keys.
local function takeOutParked(prefix, id)
  if redis.call('HDEL', prefix .. id, 'parked') == 0 then return false end
  redis.call('ZREM', prefix .. 'waiting-children', id)
  redis.call('ZREM', parkedKey(prefix), id)
  return true
end

-- A parked job becomes ready, as any other job does. Returns whether it was parked.
local function unparkJob(prefix, id, now)
  if not takeOutParked(prefix, id) then return false end
  local jobKey, ready = prefix .. id, readyOf(prefix)
  redis.call('HSET', jobKey, 'releasedAt', now)
  local job = ready.read(id)
  if job.priority == 0 then redis.call('LPUSH', prefix .. 'wait', id) else ready.enter({ job }, now) end
  if redis.call('HEXISTS', prefix .. 'meta', 'paused') == 0 then redis.call('ZADD', prefix .. 'marker', 0, '0') end
  writeEvent(prefix, 'waiting', 'jobId', id, 'prev', 'waiting-children')
  redis.call('PUBLISH', jobKey, 'changed')
  return true
end

local function isWaitFor(wait, field)
  if wait == field then return true end
  return string.sub(wait, -1) == '*' and string.sub(field, 1, #wait - 1) == string.sub(wait, 1, -2)
end

-- Stores an answer, and brings the job back when it needs no other. Returns 'kept' | 'known': the first of the field has come before.
local function answerJob(prefix, id, field, value, now)
  local jobKey = prefix .. id
  if redis.call('HSETNX', jobKey .. ':checkpoint', field, value) == 0 then return 'known' end
  local text = redis.call('HGET', jobKey, 'parked')
  local parked = text and cjson.decode(text)
  for _, wait in ipairs(parked and parked.w or {}) do
    if isWaitFor(wait[1], field) then
      parked.n = parked.n - 1
      if parked.n > 0 then redis.call('HSET', jobKey, 'parked', cjson.encode(parked)) else unparkJob(prefix, id, now) end
      break
    end
  end
  return 'kept'
end

