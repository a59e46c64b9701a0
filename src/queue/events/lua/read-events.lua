-- include bullmq/lib/values
--[[
  Reads the stored events of a job after one, with its values, in the order of their ids.
  KEYS: job hash, event stream, stream of values   ARGV: id, id up to which the reader knows what it has missed, max entries, max bytes
  Returns { how many events it has missed, id of the last of these, number of the list of values or 0, 1 if there are more or 0,
            for each: id, text, number of the value from 1, or 0 for an event }
]]
local after, limit, maxBytes = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lastEvent, trimmed, values = unpack(redis.call('HMGET', KEYS[1], 'lastEvent', 'trimmedTo', 'values'))
local list, count, bytes = parseValues(values)
local function numberOf(entry) return tonumber(string.match(entry[1], '%d+$')) end

local trimmedTo = tonumber(trimmed or 0)
-- An earlier version trimmed the stream without a note.
if not lastEvent then
  local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  if oldest then trimmedTo = numberOf(oldest) - 1 end
end
local missed, known = 0, math.max(after, tonumber(ARGV[2]))
if trimmedTo > known then
  -- Entries numbered 0 say where a list begins. Of a list that was cut the values that are gone are counted as missed.
  local function outermost(command, from, to)
    for _, entry in ipairs(redis.call(command, KEYS[3], from, to, 'COUNT', 2)) do
      if numberOf(entry) > 0 then return numberOf(entry) end
    end
  end
  local from = outermost('XRANGE', known + 1, trimmedTo)
  missed = trimmedTo - known - (from and outermost('XREVRANGE', trimmedTo, known + 1) - from + 1 or 0)
end

local events = redis.call('XRANGE', KEYS[2], '(0-' .. ARGV[1], '+', 'COUNT', limit)
local chunk = math.max(1, math.min(limit, math.floor(maxBytes * (count or 0) / math.max(1, bytes or 0))))
local found = list and redis.call('XRANGE', KEYS[3], string.format('%.0f', after + 1), '+', 'COUNT', chunk) or {}
local result, size, e, v = { missed, trimmedTo, list or 0, 0 }, 0, 1, 1
while true do
  local event, value = events[e], found[v]
  -- Behind the last one that was read there may be one that comes before the other.
  if (not event and #events == limit) or (not value and #found == chunk) then
    result[4] = 1
    break
  end
  if not (event or value) then break end
  local eventId = event and numberOf(event)
  local valueId = value and tonumber(string.match(value[1], '^%d+'))
  local isValue = not eventId or (valueId and valueId < eventId)
  local text = isValue and value[2][2] or event[2][2]
  if size > 0 and size + #text > maxBytes then
    result[4] = 1
    break
  end
  size = size + #text
  result[#result + 1] = isValue and valueId or eventId
  result[#result + 1] = text
  result[#result + 1] = isValue and numberOf(value) or 0
  if isValue then v = v + 1 else e = e + 1 end
end
return result
