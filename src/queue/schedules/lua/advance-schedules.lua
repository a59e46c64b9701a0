--[[
  Completes due ticks: the job of each is stored, or it was skipped. Only the first call counts, and none when the ticks of a schedule have
  started over.
  KEYS: due, each schedule   ARGV: for each: member of due, era, the due tick, next tick or '', the tick that was fired, its job or ''
]]
local due, ended = {}, {}
for n = 2, #KEYS do
  local key, i = KEYS[n], 6 * (n - 2)
  local member, era, tick, next, fired, job = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local itsEra, itsNext, last = unpack(redis.call('HMGET', key, 'era', 'next', 'lastTick'))
  -- Nothing is stored of a schedule that is gone.
  if itsEra then
    local fields = {}
    if tonumber(last or 0) < tonumber(fired) then
      fields = { 'lastTick', fired }
      if job == '' then redis.call('HINCRBY', key, 'skipped', 1) else fields[3], fields[4] = 'lastJobId', job end
    end
    if itsEra == era and itsNext == tick then
      fields[#fields + 1], fields[#fields + 2] = 'next', next
      redis.call('HDEL', key, 'takenAt', 'heldBack')
      if next == '' then ended[#ended + 1] = member else due[#due + 1], due[#due + 2] = next, member end
    end
    if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
  end
end
if #due > 0 then redis.call('ZADD', KEYS[1], unpack(due)) end
if #ended > 0 then redis.call('ZREM', KEYS[1], unpack(ended)) end
