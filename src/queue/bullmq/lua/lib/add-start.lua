-- Adds the last start of a job, which has ended without the job, to the history that BullMQ keeps as stack traces: see job-history.ts.
-- `history`: what is stored of it as JSON, or false. `about`: its output or failure, by the fields of an entry, or nil. Returns it as JSON, and the worker of the start or false.
local function addStart(jobKey, history, outcome, attempt, now, about)
  local startedAt, worker = unpack(redis.call('HMGET', jobKey, 'processedOn', 'pb'))
  if not startedAt then return history, worker end
  -- A plain BullMQ producer may have stored anything.
  local isJson, starts = pcall(cjson.decode, history or '[]')
  if not isJson or type(starts) ~= 'table' then starts = {} end
  if #starts >= 20 then table.remove(starts, 2) end
  local entry = about or {}
  entry.attempt, entry.worker, entry.startedAt, entry.endedAt, entry.outcome = attempt, worker or nil, tonumber(startedAt), tonumber(now), outcome
  starts[#starts + 1] = cjson.encode(entry)
  history = cjson.encode(starts)
  redis.call('HSET', jobKey, 'stacktrace', history)
  return history, worker
end

