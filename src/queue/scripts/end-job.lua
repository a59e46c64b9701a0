-- Ends a job as failed. The caller has taken it out of the set that it was in, or knows that it is in none.
-- A webhook that it owes is due.
local function endJob(jobKey, lockKey, failedKey, channel, id, failure, now, debts)
  redis.call('HSET', jobKey, 'failedReason', failure, 'finishedOn', now)
  redis.call('HDEL', jobKey, 'defa')
  redis.call('DEL', lockKey)
  -- What its worker had stored of an output when something else ended the job.
  redis.call('UNLINK', jobKey .. ':output')
  redis.call('ZADD', failedKey, now, id)
  redis.call('ZADD', debts, 'XX', 0, id)
  redis.call('PUBLISH', channel, 'ended')
end

