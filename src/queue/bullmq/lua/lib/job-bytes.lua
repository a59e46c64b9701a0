-- About how many bytes a job takes: what is written of it, and 1,200 for its fields and its places in lists. `sizes`: outputBytes, values, eventCharacters, checkpoint, signals.
local function jobBytes(jobKey, data, outputBytes, values, eventCharacters, checkpoint, signals)
  local bytes = 1200 + #(data or '') + (outputBytes or 0) + redis.call('HSTRLEN', jobKey, 'returnvalue') + redis.call('HSTRLEN', jobKey, 'failedReason')
  -- Its list of values: see values.lua.
  local ofValues = string.match(values or '', '^%d+ %d+ (%d+) ')
  if ofValues then bytes = bytes + 1000 + ofValues end
  if eventCharacters then
    bytes = bytes + 2000 + 2 * eventCharacters
  elseif redis.call('HEXISTS', jobKey, 'progress') == 1 then
    -- The few events of one that has ended: see slim-job.lua.
    bytes = bytes + 1000
  end
  if checkpoint then bytes = bytes + 200 + string.match(checkpoint, '^%d+') end
  if signals then bytes = bytes + 200 + #signals + string.match(signals, '^%d+') end
  return bytes
end

