--[[
  Tells the watchers of jobs of one queue that a worker has just said how these end. Who listens here is shown the job as it is now, if
  that fits into a message: it need not be read then. Who listens at another node of a cluster reads it.
  KEYS: job and event stream, for each    ARGV: most bytes of a message
  Returns the numbers of those, from 0, that are watched and have not ended.
]]
local open = {}
for i = 1, #KEYS, 2 do
  local job = KEYS[i]
  if redis.call('PUBSUB', 'NUMSUB', job)[2] == 0 then
    redis.call('PUBLISH', job, 'ended')
  else
    local hash = redis.call('HGETALL', job)
    local size, ended = 0, false
    for n = 1, #hash, 2 do
      size = size + #hash[n] + #hash[n + 1]
      ended = ended or hash[n] == 'finishedOn'
    end
    if not ended then
      open[#open + 1] = (i - 1) / 2
      redis.call('PUBLISH', job, 'changed')
    elseif size > tonumber(ARGV[1]) then
      redis.call('PUBLISH', job, 'ended')
    else
      local newest = redis.call('XREVRANGE', KEYS[i + 1], '+', '-', 'COUNT', 1)[1]
      hash[#hash + 1] = newest and string.match(newest[1], '%d+$') or '0'
      redis.call('PUBLISH', job, 'ended\n' .. cjson.encode(hash))
    end
  end
end
return open
