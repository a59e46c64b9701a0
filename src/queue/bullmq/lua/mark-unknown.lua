--[[
  Notes that a worker did not know a job. A start since, which these are not, was by one that knew it: then it counts anew.
  KEYS: job   ARGV: now   Returns since when that is so.
]]
local starts, known = unpack(redis.call('HMGET', KEYS[1], 'ats', 'unknownSince'))
if not starts then return ARGV[1] end
local at, since = string.match(known or '', '^(%d+) (%d+)$')
if at == starts then return since end
redis.call('HSET', KEYS[1], 'unknownSince', starts .. ' ' .. ARGV[1])
return ARGV[1]
