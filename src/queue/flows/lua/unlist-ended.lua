-- Takes a flow off the list of ended flows, unless it was listed for an end since. KEYS: ended flows   ARGV: id, epoch ms
local endedAt = redis.call('ZSCORE', KEYS[1], ARGV[1])
if endedAt and tonumber(endedAt) < tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[1]) end
