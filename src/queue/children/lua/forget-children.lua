--[[
  Forgets jobs that a run of a job has submitted, once they are looked after.
  KEYS: job, children, awaited children
  ARGV: run, id of the job, fields of the hash of children
  Returns 1, or 0 where the run has not ended or has submitted others.
]]
local name, finished, run = unpack(redis.call('HMGET', KEYS[1], 'name', 'finishedOn', 'run'))
local count = 0
for n = 3, #ARGV do count = count + redis.call('HDEL', KEYS[2], ARGV[n]) end
if name and (run or '1') ~= ARGV[1] then
  -- The next run has begun, and counts its own.
  for _, field in ipairs({ 'own', 'total', 'of:' .. ARGV[2] }) do
    if redis.call('HEXISTS', KEYS[2], field) == 1 then redis.call('HINCRBY', KEYS[2], field, -count) end
  end
  return 1
end
if name and not finished then return 0 end
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  if string.match(field, '^%d+:') then return 0 end
end
redis.call('UNLINK', KEYS[2], KEYS[3])
return 1
