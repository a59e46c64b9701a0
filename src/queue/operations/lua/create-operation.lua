--[[
  Stores an operation, unless its tenant has too many open ones.
  KEYS: operation, open operations, open ones of the tenant, all of the tenant
  ARGV: id, created at, most open ones of a tenant, most of a tenant that are listed, then fields and values
  Returns 1 | 0: there are too many
]]
if redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'sequence', 1, unpack(ARGV, 5))
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - ARGV[4])
return 1
