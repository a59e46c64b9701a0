-- include bullmq/lib/values
--[[
  Reads values of a job, a bounded number of bytes at a time.
  KEYS: job hash, stream of values
  ARGV: number of the list or '' for the present one, how many of its values to skip, max values, max bytes, where an earlier call ended or 0
  Returns { number of the present list, how many values it has }, and if it is the list that was asked for and has more:
          where this call ended, value…
]]
local lastEvent, field = unpack(redis.call('HMGET', KEYS[1], 'lastEvent', 'values'))
local list, count, bytes = parseValues(field)
if not list then
  list, count = 1, 0
end
local skipped, limit, maxBytes = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if (ARGV[1] ~= '' and tonumber(ARGV[1]) ~= list) or skipped >= count then return { list, count } end

local wanted = skipped + 1
-- The first value from there on: its number, and the id of its event. Never are two events that say where a list begins next to each other.
local function numberAt(id)
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], string.format('%.0f', id), '+', 'COUNT', 2)) do
    local eventId, number = string.match(entry[1], '^(%d+)-(%d+)$')
    if number ~= '0' then return tonumber(number), tonumber(eventId) end
  end
end
-- Values have the ids of events, so that other events may be between them: the one that is wanted is searched for.
local from = math.max(wanted, tonumber(ARGV[5]))
if numberAt(from) ~= wanted then
  local low, high = wanted, tonumber(lastEvent)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local number, id = numberAt(middle)
    if number and number < wanted then low = id + 1 else high = middle end
  end
  from = low
end

from = select(2, numberAt(from))
if not from then return { list, count } end
local chunk = math.max(1, math.min(limit, math.floor(maxBytes * count / math.max(1, bytes))))
local entries = redis.call('XRANGE', KEYS[2], string.format('%.0f', from), '+', 'COUNT', chunk)
local result, size = { list, count, 0 }, 0
for _, entry in ipairs(entries) do
  local json = entry[2][2]
  if size > 0 and size + #json > maxBytes then break end
  if string.sub(entry[1], -2) ~= '-0' then
    size = size + #json
    result[3] = tonumber(string.match(entry[1], '^%d+')) + 1
    result[#result + 1] = json
  end
end
return result
