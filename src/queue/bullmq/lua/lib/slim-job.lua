-- Removes from a job of ours that ends what only a running job needs. `hasWaiter`, `hasSlot`: it has a field `waiter`, `slot`. Returns whether it has
-- events, values or a checkpoint. One that did not succeed keeps the number of its starts: a tool of BullMQ may run it again, and its fence rises with each.
local function dropRunning(jobKey, hasWaiter, succeeded, hasSlot)
  local removed = redis.pcall('HDEL', jobKey, 'waiter', 'eventBatch', 'place', succeeded and 'ats' or 'place', hasSlot and 'slot' or 'place')
  -- Most jobs have no events, and so it costs nothing to know that.
  return type(removed) == 'number' and removed > (hasWaiter and 1 or 0) + (succeeded and 1 or 0) + (hasSlot and 1 or 0)
end

-- Redis keeps 4 KB in reserve for the first entries of a stream. A copy has no reserve. A user of Redis needs the right to COPY; without it nothing
-- is freed.
local function compactStream(key)
  if redis.pcall('COPY', key, key .. ':copy', 'REPLACE') == 1 then redis.call('RENAME', key .. ':copy', key) end
end

-- Makes small what a job of ours that has ended keeps of its events and values. A job that failed keeps its checkpoint and the payloads of its signals: `drover
-- replay` goes on from it. Needs values.lua and checkpoint.lua.
local function compactEvents(jobKey, failed)
  local characters, values, trimmedTo, checkpoint, run, signals =
    unpack(redis.call('HMGET', jobKey, 'eventCharacters', 'values', 'trimmedTo', 'checkpoint', 'run', 'signals'))
  if (checkpoint or signals) and failed then keepForReplay(jobKey, run) end
  if (checkpoint or signals) and not failed then dropKept(jobKey) end
  if signals and not failed then redis.call('HSET', jobKey, 'signals', (string.gsub(signals, '^%d+', '0'))) end
  local _, _, bytes = parseValues(values)
  if bytes and bytes <= 3000 then compactStream(jobKey .. ':values') end
  if not characters or tonumber(characters) > 3000 then return end
  compactStream(jobKey .. ':events')
  -- It is the id of the newest event; what the events take is no more than job-bytes.lua counts where this is missing.
  if not (values or trimmedTo) then redis.call('HDEL', jobKey, 'lastEvent', 'eventCharacters') end
end

