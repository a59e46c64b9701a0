--[[
  Finds jobs of a tenant in one queue that wait for their first start, in the order of their ids.
  KEYS: index   ARGV: prefix of the job keys, what job ids have before their ULID, tenant, ULID after which to look or '', how many jobs
  Returns { the last ULID looked at, or '' at the end, ids of waiting jobs }
]]
local from = ARGV[4] == '' and '[' .. ARGV[3] .. ':' or '(' .. ARGV[3] .. ':' .. ARGV[4]
-- The character that follows the colon ends the entries of the tenant.
local entries = redis.call('ZRANGEBYLEX', KEYS[1], from, '(' .. ARGV[3] .. ';', 'LIMIT', 0, ARGV[5])
local waiting, last = {}, ''
for _, entry in ipairs(entries) do
  last = string.sub(entry, -26)
  local id = ARGV[2] .. last
  local created, started, finished = unpack(redis.call('HMGET', ARGV[1] .. id, 'timestamp', 'processedOn', 'finishedOn'))
  if created and not started and not finished then waiting[#waiting + 1] = id end
end
return { #entries < tonumber(ARGV[5]) and '' or last, waiting }
