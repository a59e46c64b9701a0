-- The entries of a job in the index of labels (see job-label.ts). Needs retention.lua. `prefix`: of the job keys of its queue.

local function labelsKey(prefix)
  return string.match(prefix, '^.*}') .. ':labels'
end

-- The state of a job that ended with this failure, as endState in stored-job.ts has it, its code and its message.
local function stateOfFailure(failure)
  local isJson, decoded = pcall(cjson.decode, failure or '')
  local isOurs = isJson and type(decoded) == 'table' and type(decoded.code) == 'string'
  local code = isOurs and decoded.code or 'stalled'
  local message = 'the worker that ran this job vanished (' .. (failure or '') .. ')'
  if isOurs then message = type(decoded.message) == 'string' and decoded.message or '' end
  local isUnrun = code == 'not_started_in_time' or code == 'deadline_exceeded' and decoded.attempt == 0
  return code == 'canceled' and 'canceled' or isUnrun and 'expired' or 'failed', code, message
end

-- What a failure has in common with others of its kind: its type, its code, and its message without its variable parts. As fingerprint.ts has it.
local function fingerprintOf(name, code, message)
  local text = string.gsub(string.sub(message, 1, 500), '"[^"]*"', '*')
  text = string.gsub(text, 'https?://[^ \t\n\v\f\r]+', '*')
  text = string.gsub(text, '[%w_-]+', function(word) return string.find(word, '%d') and '*' or word end)
  return string.sub(redis.sha1hex((name or '') .. '\0' .. code .. '\0' .. text), 1, 16)
end

-- Notes a failure of a tenant by its fingerprint: when it was first and last seen, and how often. What was not seen for longest gives way.
local function noteFailure(prefix, tenant, fingerprint)
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  local base = string.match(prefix, '^.*}')
  local groups, seen = base .. ':failures:' .. tenant, base .. ':failures-seen:' .. tenant
  redis.call('HSETNX', groups, fingerprint .. ':first', now)
  redis.call('HINCRBY', groups, fingerprint .. ':total', 1)
  if redis.call('ZADD', seen, now, fingerprint) == 1 and redis.call('ZCARD', seen) > 500 then
    local oldest = redis.call('ZPOPMIN', seen)[1]
    redis.call('HDEL', groups, oldest .. ':first', oldest .. ':total')
  end
  redis.call('PEXPIRE', groups, 2678400000)
  redis.call('PEXPIRE', seen, 2678400000)
end

-- How an ended job with this failure is found: by its state, by its code and, where it failed, by its fingerprint. Also returns its tenant and that.
-- Its entry in the index of jobs is derived from the beginning of its record, so that the rest, which may be large, is not parsed.
local function endLabels(id, indexEntry, data, failure, name)
  local tenant, place = string.match(indexEntry or '', '^([^:]*):(.*)$')
  if not tenant then
    tenant, place = string.match(data or '', '^{"v":%d+,"tenant":"([^"]+)"'), string.match(id, '^[^_]+_(%w+)$')
    if not (tenant and place and #place == 26) then return {} end
  end
  local state, code, message = stateOfFailure(failure)
  local entries = {}
  for kind, text in pairs({ s = state, e = code }) do
    entries[#entries + 1] = tenant .. ':' .. kind .. string.sub(redis.sha1hex(text), 1, 16) .. ':' .. place
  end
  local fingerprint = state == 'failed' and fingerprintOf(name, code, message)
  if fingerprint then entries[#entries + 1] = tenant .. ':f' .. fingerprint .. ':' .. place end
  return entries, tenant, fingerprint
end

-- Labels a job that ends without success. One that did not fail is kept for a shorter time: the next sweep looks for how long. Returns whether it failed.
local function labelEnd(prefix, id, failure)
  local failed = stateOfFailure(failure) == 'failed'
  if not failed then redis.call('ZADD', retentionKey(prefix), 0, id) end
  local entry, data, name = unpack(redis.call('HMGET', prefix .. id, 'indexEntry', 'data', 'name'))
  local labels, tenant, fingerprint = endLabels(id, entry, data, failure, name)
  for _, label in ipairs(labels) do redis.call('ZADD', labelsKey(prefix), 0, label) end
  if fingerprint then noteFailure(prefix, tenant, fingerprint) end
  return failed
end

-- Removes how a job ended, whose next run begins; and, with `all`, every label of a job that is removed.
local function removeLabels(prefix, id, all)
  local entry, failure, labels, name = unpack(redis.call('HMGET', prefix .. id, 'indexEntry', 'failedReason', 'labels', 'name'))
  local key = labelsKey(prefix)
  if failure then
    local data = redis.call('HGET', prefix .. id, 'data')
    local ofEnd = endLabels(id, entry, data, failure, name)
    for _, label in ipairs(ofEnd) do redis.call('ZREM', key, label) end
  end
  if not (all and labels) then return end
  for label in string.gmatch(labels, '[^\n]+') do redis.call('ZREM', key, label) end
end

