--[[
  Stores a flow, unless it exists. KEYS: flow, expansions   ARGV: how many arguments its fields are, field, value, …, then those of its
  expansions: field, value, …
  Returns 1, or 0 when it existed.
]]
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local last, slice = 1 + ARGV[1], 2000
redis.call('HSET', KEYS[1], unpack(ARGV, 2, last))
for from = last + 1, #ARGV, slice do redis.call('HSET', KEYS[2], unpack(ARGV, from, math.min(from + slice - 1, #ARGV))) end
return 1
