--[[
  Tells the watchers of jobs of one queue that a worker has just said how these end. Who listens here is shown the job as it is now, if
  that fits into a message: it need not be read then. Who listens at another node of a cluster reads it.
  KEYS: job and event stream, for each    ARGV: most bytes of a message
  Returns the numbers of those, from 0, that have not ended.
]]
local open, most = {}, tonumber(ARGV[1])

-- The job as a message; nil when it is too large for one.
local function shown(job, events)
  -- First what may be large, so that nothing large is read for nothing.
  if redis.call('HSTRLEN', job, 'data') + redis.call('HSTRLEN', job, 'returnvalue') > most then return nil end
  local hash, size = redis.call('HGETALL', job), 0
  for n = 1, #hash do size = size + #hash[n] end
  if size > most then return nil end
  local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
  hash[#hash + 1] = newest and string.match(newest[1], '%d+$') or '0'
  return 'ended\n' .. cjson.encode(hash)
end

for i = 1, #KEYS, 2 do
  local job = KEYS[i]
  if redis.call('HEXISTS', job, 'finishedOn') == 0 then
    open[#open + 1] = (i - 1) / 2
    redis.call('PUBLISH', job, 'changed')
  else
    local isHeard = redis.call('PUBSUB', 'NUMSUB', job)[2] > 0
    redis.call('PUBLISH', job, isHeard and shown(job, KEYS[i + 1]) or 'ended')
  end
end
return open
