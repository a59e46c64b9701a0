-- Notes that a job was evicted, so that a client that asks for it learns why it is gone. Of each queue the newest 10,000 are known, as long as no
-- job of it is kept. The entries sort by id, and so by the time of submission.
local function noteEvicted(evicted, id, tenant, ttlMs)
  redis.call('ZADD', evicted, 0, id .. ':' .. tenant)
  redis.call('ZREMRANGEBYRANK', evicted, 0, -10001)
  -- Another one may have been promised for longer.
  redis.call('PEXPIRE', evicted, ttlMs, 'NX')
  redis.call('PEXPIRE', evicted, ttlMs, 'GT')
end

