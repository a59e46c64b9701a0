-- Adds the last start of a job, which has ended without the job, to the history that BullMQ keeps as stack traces: see job-history.ts.
-- `history`: what is stored of it as JSON, or false. `output`: what it returned, or nil. Returns it as JSON, and the worker of the start or false.
local function addStart(jobKey, history, outcome, attempt, now, output)
  local startedAt, worker = unpack(redis.call('HMGET', jobKey, 'processedOn', 'pb'))
  if not startedAt then return history, worker end
  -- A plain BullMQ producer may have stored anything.
  local isJson, starts = pcall(cjson.decode, history or '[]')
  if not isJson or type(starts) ~= 'table' then starts = {} end
  if #starts >= 20 then table.remove(starts, 2) end
  starts[#starts + 1] = cjson.encode({
    attempt = attempt, worker = worker or nil, startedAt = tonumber(startedAt), endedAt = tonumber(now), outcome = outcome, output = output,
  })
  history = cjson.encode(starts)
  redis.call('HSET', jobKey, 'stacktrace', history)
  return history, worker
end

