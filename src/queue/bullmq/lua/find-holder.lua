-- include bullmq/lib/labels
-- include bullmq/lib/claims
-- The job that holds a unique key, or nil. KEYS: claims   ARGV: prefix of the job keys, the claim as claims.lua has it
return (claimHolder(ARGV[1], redis.call('HGET', KEYS[1], (string.match(ARGV[2], '^(%S+) '))), claimNow()))
