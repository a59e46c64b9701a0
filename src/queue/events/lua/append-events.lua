-- include bullmq/lib/write-event
-- include bullmq/lib/values
-- include bullmq/lib/checkpoint
--[[
  Stores events of a running job and publishes them, if the caller still holds the job. Of progress and logs the oldest make room; values
  (`output`) are kept, in the list of this start, which the first of them begins. What is kept for the next start is no event: `checkpoint <at> <JSON>`,
  `step <at> <bytes of its name> <name><JSON>`.
  KEYS: lock, event stream, job hash, stream of values
  ARGV: lock token, channel, name of the batch, max entries, max characters, newest progress or '', the job's id as BullMQ has it,
        max bytes of a message, how many values this start has stored before, '1' to begin the next list whether there are values or not,
        'restored' to begin it with the values of the checkpoint, of which there are as many as were stored before, or '',
        event…
  Returns 1 | 0 when the lock is not the caller's: nothing is stored then | -1 when values are missing that were stored before: likewise
]]
local firstArg = 11
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local batch, lastEvent, values = unpack(redis.call('HMGET', KEYS[3], 'eventBatch', 'lastEvent', 'values'))
-- A worker whose connection broke before the reply sends the batch again.
if batch == ARGV[3] then return 1 end

local hasValues, hasState = false, false
for i = firstArg, #ARGV do
  hasValues = hasValues or string.sub(ARGV[i], 1, 7) == 'output '
  hasState = hasState or string.sub(ARGV[i], 1, 11) == 'checkpoint '
end
local list, count, bytes, owner = parseValues(values)
-- A list without an owner was begun for this run.
local begins = owner ~= ARGV[1] and owner ~= '' and (hasValues or (list ~= nil and ARGV[10] ~= ''))
local keptList, keptCount, keptBytes
if ARGV[10] == 'restored' and owner ~= ARGV[1] then
  keptList, keptCount, keptBytes = keptValues(KEYS[3])
  if keptCount ~= tonumber(ARGV[9]) or (keptCount > 0 and (keptList ~= list or keptCount > count)) then return -1 end
  begins = begins and keptCount == 0
end
local cuts = keptCount and keptCount > 0
-- A state belongs to the values before it: those of this start.
if (hasValues or hasState) and not cuts and tonumber(ARGV[9]) ~= (begins and 0 or count or 0) then return -1 end

local last = lastEventId(KEYS[3], lastEvent)
local first, message, marker = last + 1, {}, nil
if cuts then
  list, marker = cutList(KEYS[3], list, keptCount, keptBytes, count, bytes, ARGV[1], last)
  count, bytes = keptCount, keptBytes
  keepValues(KEYS[3], list, count, bytes)
  message[1], last = marker, last + 1
elseif begins then
  list, marker = beginList(KEYS[3], list, ARGV[1], last)
  count, bytes = 0, 0
  if marker then
    message[1], last = marker, last + 1
  end
end
-- An earlier version trimmed the stream without a note.
if not lastEvent then
  local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  local id = oldest and tonumber(string.match(oldest[1], '%d+$')) or 1
  if id > 1 then redis.call('HSET', KEYS[3], 'trimmedTo', id - 1) end
end

-- Returns whether it was no event.
local function keep(event)
  if string.sub(event, 1, 11) == 'checkpoint ' then
    local at, from = string.match(event, '^checkpoint (%d+) ()')
    keepState(KEYS[3], 'state', string.sub(event, from), at)
    keepValues(KEYS[3], list or 0, count or 0, bytes or 0)
    return true
  end
  if string.sub(event, 1, 5) ~= 'step ' then return false end
  local at, size, from = string.match(event, '^step (%d+) (%d+) ()')
  keepState(KEYS[3], 'step:' .. string.sub(event, from, from + size - 1), string.sub(event, from + size), at)
  return true
end

local added = 0
for i = firstArg, #ARGV do
  local event = ARGV[i]
  if string.sub(event, 1, 7) == 'output ' then
    last = last + 1
    local json = string.sub(event, 8)
    redis.call('XADD', KEYS[4], string.format('%.0f-%d', last, count + 1), 'e', json)
    message[#message + 1] = 'output {"value":' .. json .. ',"index":' .. count .. ',"list":' .. list .. '}'
    count, bytes = count + 1, bytes + #json
  elseif not keep(event) then
    last = last + 1
    redis.call('XADD', KEYS[2], string.format('0-%.0f', last), 'e', event)
    message[#message + 1] = event
    added = added + #event
  end
end
if hasValues then writeValues(KEYS[3], list, count, bytes, ARGV[1]) end
redis.call('HSET', KEYS[3], 'eventBatch', ARGV[3], 'lastEvent', last)

if added > 0 then
  local characters = redis.call('HINCRBY', KEYS[3], 'eventCharacters', added)
  local entries, removed, trimmedTo = redis.call('XLEN', KEYS[2]), 0, nil
  local maxEntries, maxCharacters = tonumber(ARGV[4]), tonumber(ARGV[5])
  local function isOver() return entries > maxEntries or (characters - removed > maxCharacters and entries > 1) end
  local from = '-'
  while isOver() do
    for _, oldest in ipairs(redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', math.max(1, math.min(entries - maxEntries, 100)))) do
      if isOver() then
        removed, entries, trimmedTo = removed + #oldest[2][2], entries - 1, string.match(oldest[1], '%d+$')
      end
    end
    from = '(0-' .. trimmedTo
  end
  if trimmedTo then
    -- All of them by one command.
    redis.call('XTRIM', KEYS[2], 'MAXLEN', entries)
    redis.call('HINCRBY', KEYS[3], 'eventCharacters', -removed)
    redis.call('HSET', KEYS[3], 'trimmedTo', trimmedTo)
  end
end
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[3], 'progress', ARGV[6])
  writeEvent(string.sub(KEYS[3], 1, -#ARGV[7] - 1), 'progress', 'jobId', ARGV[7], 'data', ARGV[6])
end
if #message == 0 then return 1 end
local text = table.concat(message, '\n')
-- Large values are read from the store, by those that can take them, and do not fill the buffers of all subscribers.
redis.call('PUBLISH', ARGV[2], #text > tonumber(ARGV[8]) and first or first .. '\n' .. text)
return 1
