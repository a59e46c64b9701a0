--[[
  Takes back what register-children.lua has noted of jobs that were refused.
  KEYS: job, children, awaited children
  ARGV: run, id of the job, '1' where it is the first above all others or '', for each call: its number, its id
]]
local job, children, awaited = unpack(KEYS)
local count = 0
for at = 4, #ARGV, 2 do
  local field = ARGV[1] .. ':' .. ARGV[at]
  if string.match(redis.call('HGET', children, field) or '', '^%S+') == ARGV[at + 1] then
    redis.call('HDEL', children, field)
    redis.call('SREM', awaited, ARGV[at + 1])
    count = count + 1
  end
end
if count == 0 then return 0 end
if ARGV[3] ~= '' then
  redis.call('HINCRBY', children, 'total', -count)
  redis.call('HINCRBY', children, 'of:' .. ARGV[2], -count)
end
redis.call('HSET', job, 'children', redis.call('HINCRBY', children, 'own', -count))
return count
