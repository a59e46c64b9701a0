--[[
  Reads a job and tells where it is, at one moment.
  KEYS: job hash, its lock, delayed (zset), active (list), event stream   ARGV: job id
  Returns nil, or { hash as field/value list, place, id of its last event, due time in ms or false }
]]
local hash = redis.call('HGETALL', KEYS[1])
if #hash == 0 then return nil end
local newest = redis.call('XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1)[1]
local last = newest and string.match(newest[1], '%d+$') or '0'
if redis.call('HEXISTS', KEYS[1], 'finishedOn') == 1 then
  -- What a removal may leave for a while: see remove-hash.lua.
  if redis.call('HEXISTS', KEYS[1], 'name') == 0 then return nil end
  return { hash, 'finished', last, false }
end
if redis.call('HEXISTS', KEYS[1], 'blocked') == 1 then return { hash, 'blocked', last, false } end
if redis.call('EXISTS', KEYS[2]) == 1 then return { hash, 'active', last, false } end
-- BullMQ's score is the due time in ms, shifted left by 12 bits, and a counter.
local score = redis.call('ZSCORE', KEYS[3], ARGV[1])
if score then return { hash, 'delayed', last, string.format('%.0f', math.floor(tonumber(score) / 4096)) } end
-- No lock, and yet active: its worker has died and nobody has noticed so far. The list is as long as all workers are wide.
if redis.call('LPOS', KEYS[4], ARGV[1]) then return { hash, 'active', last, false } end
return { hash, 'waiting', last, false }
