--[[
  Notes that a worker did not know a job. A start since, which these are not, was by one that knew it: then it counts anew.
  KEYS: job, unknown jobs   ARGV: now, id, since when it could start   Returns since when that is so.
]]
local starts, known = unpack(redis.call('HMGET', KEYS[1], 'ats', 'unknownSince'))
if not starts then return ARGV[1] end
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
local at, since = string.match(known or '', '^(%d+) (%d+)$')
if at == starts then return since end
redis.call('HSET', KEYS[1], 'unknownSince', starts .. ' ' .. ARGV[1])
return ARGV[1]
