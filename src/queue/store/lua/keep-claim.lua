-- Writes the key of its idempotency claim into a job. KEYS: job   ARGV: the claim
-- Returns 1, 0 when the job was removed, or is being removed, or 2 when it is being evicted: its claim lives on.
local removing = redis.call('HGET', KEYS[1], 'removing')
if removing == 'evicted' then return 2 end
if redis.call('EXISTS', KEYS[1]) == 0 or removing then return 0 end
redis.call('HSET', KEYS[1], 'claim', ARGV[1])
return 1
