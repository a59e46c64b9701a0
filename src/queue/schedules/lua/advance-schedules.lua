--[[
  Completes due ticks: the job of each is stored, or it was skipped. Only the first call counts, and none when the ticks of a schedule have
  started over.
  KEYS: due, each schedule   ARGV: for each: member of due, era, the due tick, next tick or '', the tick that was fired, its job or ''
]]
for n = 2, #KEYS do
  local key, i = KEYS[n], 6 * (n - 2)
  local member, era, due, next, fired, job = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  -- Nothing is stored of a schedule that is gone.
  if redis.call('EXISTS', key) == 1 then
    local itsEra, itsNext, last = unpack(redis.call('HMGET', key, 'era', 'next', 'lastTick'))
    if tonumber(last or 0) < tonumber(fired) then
      redis.call('HSET', key, 'lastTick', fired)
      if job == '' then redis.call('HINCRBY', key, 'skipped', 1) else redis.call('HSET', key, 'lastJobId', job) end
    end
    if itsEra == era and itsNext == due then
      redis.call('HSET', key, 'next', next)
      redis.call('HDEL', key, 'takenAt', 'heldBack')
      if next == '' then redis.call('ZREM', KEYS[1], member) else redis.call('ZADD', KEYS[1], next, member) end
    end
  end
end
