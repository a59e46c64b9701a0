-- Brings parked jobs back of which a wait is over: their handlers find that out. Needs park.lua. Returns how many.
local function wakeParked(q)
  local parked = parkedKey(q.jobs)
  local ids = redis.call('ZRANGEBYSCORE', parked, '-inf', q.now, 'LIMIT', 0, q.limit)
  for _, id in ipairs(ids) do
    -- A version that knows no parked jobs has ended it.
    local isOver = redis.call('HEXISTS', q.jobs .. id, 'finishedOn') == 1
    if isOver then takeOutParked(q.jobs, id) else unparkJob(q.jobs, id, q.now) end
    redis.call('ZREM', parked, id)
  end
  return #ids
end
