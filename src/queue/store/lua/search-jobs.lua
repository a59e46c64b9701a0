--[[
  Looks through one of the indexes of a queue, newest first, for jobs that may match.
  KEYS: the index to look through, index of labels, sets of BullMQ…
  ARGV: last entry, first entry (as ZREVRANGEBYLEX takes them), how many entries to look at, how many to find, length of what entries have
        before their place, prefix of the job keys, what job ids have before their ULID, type or '',
        for each set: '1' if a job must be in it, '0' if it must not,
        for each label that a job must have: what its entries have before the place
  Returns the place of the last entry that it looked at ('' when none are left), and of each that may match
]]
local walked, labels = KEYS[1], KEYS[2]
local max, min, left, wanted, head = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local jobs, idPrefix, name = ARGV[6], ARGV[7], ARGV[8]
local chunk = 500

local function idOf(place)
  if #place == 26 then return idPrefix .. place end
  return string.sub(place, 28)
end

-- The places whose member is in a sorted set, or is not.
local function sift(places, key, memberOf, isIn)
  if #places == 0 then return places end
  local members, kept = {}, {}
  for n, place in ipairs(places) do members[n] = memberOf(place) end
  local scores = redis.call('ZMSCORE', key, unpack(members))
  for n, place in ipairs(places) do
    if (scores[n] ~= false) == isIn then kept[#kept + 1] = place end
  end
  return kept
end

local found = { '' }
while left > 0 and #found <= wanted do
  local count = math.min(chunk, left)
  local entries = redis.call('ZREVRANGEBYLEX', walked, max, min, 'LIMIT', 0, count)
  local places = {}
  for n, entry in ipairs(entries) do places[n] = string.sub(entry, head + 1) end
  for n = 3, #KEYS do places = sift(places, KEYS[n], idOf, ARGV[6 + n] == '1') end
  for n = 7 + #KEYS, #ARGV do places = sift(places, labels, function(place) return ARGV[n] .. place end, true) end
  for _, place in ipairs(places) do
    if name == '' or redis.call('HGET', jobs .. idOf(place), 'name') == name then found[#found + 1] = place end
  end
  if #entries < count then
    found[1] = ''
    break
  end
  max = '(' .. entries[#entries]
  found[1] = string.sub(entries[#entries], head + 1)
  left = left - count
end
return found
