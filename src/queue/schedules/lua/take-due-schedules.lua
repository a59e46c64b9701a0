--[[
  Takes the schedules that are due: no other process gets them until they are advanced, or until the caller has had its time. A schedule
  that was taken before and not advanced is returned with the time of then, so that the caller stores the same job.
  KEYS: due   ARGV: max schedules, ms that the caller may need, prefix of the schedules' keys, max bytes of their definitions but for the last
  Returns { now, when the next one is due or false, { member, its hash, taken at }… }
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply, bytes, taken, gone = { now, false }, 0, {}, {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  if bytes > tonumber(ARGV[4]) then break end
  local key = ARGV[3] .. member
  local hash = redis.call('HGETALL', key)
  if #hash > 0 then
    local takenAt
    for i = 1, #hash, 2 do
      if hash[i] == 'takenAt' then takenAt = hash[i + 1] end
      if hash[i] == 'definition' then bytes = bytes + #hash[i + 1] end
    end
    if not takenAt then
      takenAt = string.format('%.0f', now)
      redis.call('HSET', key, 'takenAt', takenAt)
    end
    taken[#taken + 1], taken[#taken + 2] = now + ARGV[2], member
    reply[#reply + 1] = { member, hash, takenAt }
  else
    gone[#gone + 1] = member
  end
end
if #taken > 0 then redis.call('ZADD', KEYS[1], unpack(taken)) end
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
reply[2] = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or false
return reply
