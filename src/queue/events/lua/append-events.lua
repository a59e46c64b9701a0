-- include bullmq/lib/write-event
--[[
  Stores events of a running job and publishes them, if the caller still holds the job. The oldest events make room.
  KEYS: lock, event stream, job hash
  ARGV: lock token, channel, name of the batch, max entries, max characters, newest progress or '', the job's id as BullMQ has it, event…
  Returns 1, or 0 when the lock is not the caller's: then nothing is stored.
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
-- A worker whose connection broke before the reply sends the batch again.
if redis.call('HGET', KEYS[3], 'eventBatch') == ARGV[3] then return 1 end

local first, added = nil, 0
for i = 8, #ARGV do
  local entry = redis.call('XADD', KEYS[2], '0-*', 'e', ARGV[i])
  first = first or string.match(entry, '%d+$')
  added = added + #ARGV[i]
end
local characters = redis.call('HINCRBY', KEYS[3], 'eventCharacters', added)
local entries, removed = redis.call('XLEN', KEYS[2]), 0
while entries > tonumber(ARGV[4]) or (characters - removed > tonumber(ARGV[5]) and entries > 1) do
  local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  redis.call('XDEL', KEYS[2], oldest[1])
  removed, entries = removed + #oldest[2][2], entries - 1
end
if removed > 0 then redis.call('HINCRBY', KEYS[3], 'eventCharacters', -removed) end
redis.call('HSET', KEYS[3], 'eventBatch', ARGV[3])
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[3], 'progress', ARGV[6])
  writeEvent(string.sub(KEYS[3], 1, -#ARGV[7] - 1), 'progress', 'jobId', ARGV[7], 'data', ARGV[6])
end
redis.call('PUBLISH', ARGV[2], first .. '\n' .. table.concat(ARGV, '\n', 8))
return 1
