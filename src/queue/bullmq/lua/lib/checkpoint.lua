-- What a job keeps for its next start is in the hash `<job>:checkpoint`: `state` as JSON, `values`, which is the list of values at that moment (number,
-- how many, bytes), `step:<name>` for the result of each step, and what park.lua keeps there. The field `checkpoint` of the job has the bytes of state and
-- steps, and when the last was stored. `run`: the run that has failed with it.

-- Stores `text` there. `at` in epoch ms.
local function keepState(jobKey, field, text, at)
  local key = jobKey .. ':checkpoint'
  local before = redis.call('HSTRLEN', key, field)
  redis.call('HSET', key, field, text)
  local bytes = string.match(redis.call('HGET', jobKey, 'checkpoint') or '0', '^%d+')
  redis.call('HSET', jobKey, 'checkpoint', string.format('%.0f %s', bytes - before + #text, at))
end

-- Number of the list, how many values it had, and bytes of these; nil where no state is kept.
local function keptValues(jobKey)
  local list, count, bytes = string.match(redis.call('HGET', jobKey .. ':checkpoint', 'values') or '', '^(%d+) (%d+) (%d+)$')
  return tonumber(list), tonumber(count), tonumber(bytes)
end

local function keepValues(jobKey, list, count, bytes)
  redis.call('HSET', jobKey .. ':checkpoint', 'values', string.format('%d %d %.0f', list, count, bytes))
end

local function dropKept(jobKey)
  redis.call('HDEL', jobKey, 'checkpoint')
  redis.call('UNLINK', jobKey .. ':checkpoint')
end

-- Keeps it for a replay of a job that has failed.
local function keepForReplay(jobKey, run)
  redis.call('HSET', jobKey .. ':checkpoint', 'run', run or 1)
end

-- What is kept for the next start in `run`, as fields and values; nil where nothing is. A state is left out whose values are gone: a version that knows
-- no checkpoints has run the job since. So is what another run has left: such a version does not remove it where it opens the next run.
local function readKept(jobKey, run)
  local kept = redis.call('HGETALL', jobKey .. ':checkpoint')
  if #kept == 0 then return nil end
  for n = 1, #kept, 2 do
    if kept[n] == 'run' and kept[n + 1] ~= (run or '1') then return dropKept(jobKey) end
  end
  local list, count = keptValues(jobKey)
  local present, length = string.match(count and count > 0 and redis.call('HGET', jobKey, 'values') or '', '^(%d+) (%d+) ')
  if not count or count == 0 or (tonumber(present) == list and tonumber(length) >= count) then return kept end
  local others = {}
  for n = 1, #kept, 2 do
    if kept[n] ~= 'state' and kept[n] ~= 'values' then others[#others + 1], others[#others + 2] = kept[n], kept[n + 1] end
  end
  return #others > 0 and others or nil
end
