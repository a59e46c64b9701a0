--[[
  Adds what a process counted in a minute. A hash has a limit of fields: what would be a field more is added to a field that types share.
  KEYS: the minute's hash   ARGV: ms until it expires, limit of fields, then for each count: field, count, shared field
]]
local hash, limit = KEYS[1], tonumber(ARGV[2])
for i = 3, #ARGV, 3 do
  local field = ARGV[i]
  if redis.call('HEXISTS', hash, field) == 0 and redis.call('HLEN', hash) >= limit then field = ARGV[i + 2] end
  redis.call('HINCRBY', hash, field, ARGV[i + 1])
end
redis.call('PEXPIRE', hash, ARGV[1])
