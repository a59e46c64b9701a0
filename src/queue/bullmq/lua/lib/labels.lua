-- The entries of a job in the index of labels (see job-label.ts). Needs retention.lua. `prefix`: of the job keys of its queue.

local function labelsKey(prefix)
  return string.match(prefix, '^.*}') .. ':labels'
end

-- The state of a job that ended with this failure, as endState in stored-job.ts has it, and its code.
local function stateOfFailure(failure)
  local isJson, decoded = pcall(cjson.decode, failure or '')
  local code = isJson and type(decoded) == 'table' and type(decoded.code) == 'string' and decoded.code or 'stalled'
  local isUnrun = code == 'not_started_in_time' or code == 'deadline_exceeded' and decoded.attempt == 0
  return code == 'canceled' and 'canceled' or isUnrun and 'expired' or 'failed', code
end

-- How an ended job with this failure is found: by its state and by its code.
-- Its entry in the index of jobs is derived from the beginning of its record, so that the rest, which may be large, is not parsed.
local function endLabels(id, indexEntry, data, failure)
  local tenant, place = string.match(indexEntry or '', '^([^:]*):(.*)$')
  if not tenant then
    tenant, place = string.match(data or '', '^{"v":%d+,"tenant":"([^"]+)"'), string.match(id, '^[^_]+_(%w+)$')
    if not (tenant and place and #place == 26) then return {} end
  end
  local state, code = stateOfFailure(failure)
  local entries = {}
  for kind, text in pairs({ s = state, e = code }) do
    entries[#entries + 1] = tenant .. ':' .. kind .. string.sub(redis.sha1hex(text), 1, 16) .. ':' .. place
  end
  return entries
end

-- Labels a job that ends without success. One that did not fail is kept for a shorter time: the next sweep looks for how long.
local function labelEnd(prefix, id, failure)
  if stateOfFailure(failure) ~= 'failed' then redis.call('ZADD', retentionKey(prefix), 0, id) end
  local entry, data = unpack(redis.call('HMGET', prefix .. id, 'indexEntry', 'data'))
  for _, label in ipairs(endLabels(id, entry, data, failure)) do redis.call('ZADD', labelsKey(prefix), 0, label) end
end

-- Removes how a job ended, whose next run begins; and, with `all`, every label of a job that is removed.
local function removeLabels(prefix, id, all)
  local entry, failure, labels = unpack(redis.call('HMGET', prefix .. id, 'indexEntry', 'failedReason', 'labels'))
  local key = labelsKey(prefix)
  if failure then
    local data = redis.call('HGET', prefix .. id, 'data')
    for _, label in ipairs(endLabels(id, entry, data, failure)) do redis.call('ZREM', key, label) end
  end
  if not (all and labels) then return end
  for label in string.gmatch(labels, '[^\n]+') do redis.call('ZREM', key, label) end
end

