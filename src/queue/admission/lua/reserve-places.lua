--[[
  Adds jobs to the waiting jobs of their tenant, all or none: none when there would be more than the limit. A job that is there needs no
  place. The score of a job is when it came, or when it was last found to wait.
  KEYS: the tenant's waiting jobs (zset)   ARGV: limit, ms after which an unused set expires, how many ids to return, id…
  Returns 1; or, where there is no room, { now, id, its score, … } of the jobs that were checked longest ago.
]]
local waiting, max, first, slice = KEYS[1], tonumber(ARGV[1]), 4, 1000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count = redis.call('ZCARD', waiting)
if count + #ARGV - first + 1 > max then
  for from = first, #ARGV, slice do
    for _, score in ipairs(redis.call('ZMSCORE', waiting, unpack(ARGV, from, math.min(from + slice - 1, #ARGV)))) do
      if not score then count = count + 1 end
    end
  end
  if count > max then return { tostring(now), unpack(redis.call('ZRANGE', waiting, 0, ARGV[3] - 1, 'WITHSCORES')) } end
end
for from = first, #ARGV, slice do
  local entries = {}
  for i = from, math.min(from + slice - 1, #ARGV) do entries[#entries + 1], entries[#entries + 2] = now, ARGV[i] end
  redis.call('ZADD', waiting, 'NX', unpack(entries))
end
redis.call('PEXPIRE', waiting, ARGV[2])
return 1
