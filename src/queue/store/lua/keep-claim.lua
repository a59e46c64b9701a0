-- Writes the key of its idempotency claim into a job. KEYS: job   ARGV: the claim
-- Returns 1, 0 when the job was removed, or is being removed, 2 when it is being evicted: its claim lives on, or 3 when it has another claim: it is the job
-- of another request, which stands for this one until this claim expires.
local removing, claim = unpack(redis.call('HMGET', KEYS[1], 'removing', 'claim'))
if removing == 'evicted' then return 2 end
if redis.call('EXISTS', KEYS[1]) == 0 or removing then return 0 end
if claim and claim ~= ARGV[1] then return 3 end
redis.call('HSET', KEYS[1], 'claim', ARGV[1])
return 1
