-- Removes the hash of a job. Where the job had an idempotency claim, its id stays taken for a while: a request that found the claim
-- just before would store the job anew, beside the one that the key stands for from now on. `name` tells a job from what stays.
local function removeHash(jobKey, hadClaim, now)
  redis.call('UNLINK', jobKey)
  if not hadClaim then return end
  redis.call('HSET', jobKey, 'removing', 1, 'finishedOn', now)
  redis.call('PEXPIRE', jobKey, 30000)
end

