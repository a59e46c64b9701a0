--[[
  Tells the watchers of jobs of one queue that a worker has just said how these end. Who listens here is shown the job as it is now, if
  that fits into a message: it need not be read then. Who listens at another node of a cluster reads it.
  KEYS: job and event stream, for each    ARGV: most bytes of a message
  Returns the numbers of those, from 0, that have not ended.
]]
local open = {}
for i = 1, #KEYS, 2 do
  local job = KEYS[i]
  local ended = redis.call('HEXISTS', job, 'finishedOn') == 1
  if not ended then open[#open + 1] = (i - 1) / 2 end
  local message = ended and 'ended' or 'changed'
  if ended and redis.call('PUBSUB', 'NUMSUB', job)[2] > 0 then
    local size = redis.call('HSTRLEN', job, 'data') + redis.call('HSTRLEN', job, 'returnvalue')
    local hash = size <= tonumber(ARGV[1]) and redis.call('HGETALL', job) or {}
    for n = 1, #hash do size = size + #hash[n] end
    if #hash > 0 and size <= 2 * tonumber(ARGV[1]) then
      local newest = redis.call('XREVRANGE', KEYS[i + 1], '+', '-', 'COUNT', 1)[1]
      hash[#hash + 1] = newest and string.match(newest[1], '%d+$') or '0'
      message = 'ended\n' .. cjson.encode(hash)
    end
  end
  redis.call('PUBLISH', job, message)
end
return open
