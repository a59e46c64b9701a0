-- The id of the last event or value of a job; 0 when there is none. `lastEvent`: the field of that name, which an earlier version does not write.
local function lastEventId(jobKey, lastEvent)
  local newest = redis.call('XREVRANGE', jobKey .. ':events', '+', '-', 'COUNT', 1)[1]
  return math.max(tonumber(lastEvent or 0), newest and tonumber(string.match(newest[1], '%d+$')) or 0)
end

-- Reads the field `values` of a job: number of its list of values, how many and how many bytes that has, and the token of the lease under which it began.
-- Nil when the job has no list.
local function parseValues(field)
  local list, count, bytes, owner = string.match(field or '', '^(%d+) (%d+) (%d+) (.*)$')
  return tonumber(list), tonumber(count), tonumber(bytes), owner
end

local function writeValues(jobKey, list, count, bytes, owner)
  redis.call('HSET', jobKey, 'values', string.format('%d %d %.0f %s', list, count, bytes, owner))
end

-- Begins the next list of a job's values, which are in a stream: `<id of the event>-<number of the value from 1>`. The first entry of a list
-- that follows another one is the event that says so, numbered 0. Returns the number of the list, and that event or nil.
local function beginList(jobKey, earlier, owner, last)
  local list = (earlier or 0) + 1
  redis.call('UNLINK', jobKey .. ':values')
  writeValues(jobKey, list, 0, 0, owner)
  if not earlier then return list end
  local event = string.format('values_reset {"list":%d,"from":0}', list)
  redis.call('XADD', jobKey .. ':values', string.format('%.0f-0', last + 1), 'e', event)
  redis.call('HSET', jobKey, 'lastEvent', last + 1)
  return list, event
end

-- Removes what a stream of values has behind the first `count` values, `chunk` entries at a time.
local function cutEnd(key, count, chunk)
  local gone
  repeat
    gone = {}
    for _, entry in ipairs(redis.call('XREVRANGE', key, '+', '-', 'COUNT', chunk)) do
      local number = tonumber(string.match(entry[1], '%d+$'))
      if number > 0 and number <= count then break end
      gone[#gone + 1] = entry[1]
    end
    if #gone > 0 then redis.call('XDEL', key, unpack(gone)) end
  until #gone < chunk
end

-- … by copying those, where they are the fewer.
local function copyBeginning(key, count, chunk)
  local copy, from, found = key .. ':copy', '-', nil
  redis.call('UNLINK', copy)
  repeat
    found = redis.call('XRANGE', key, from, '+', 'COUNT', chunk)
    for _, entry in ipairs(found) do
      redis.call('XADD', copy, entry[1], 'e', entry[2][2])
      from = '(' .. entry[1]
      if tonumber(string.match(entry[1], '%d+$')) == count then return redis.call('RENAME', copy, key) end
    end
  until #found < chunk
  return redis.call('RENAME', copy, key)
end

-- … with the first `count` values of the list before, which have so many `bytes`. `all`, `allBytes`: what that has now. Where nothing is cut off it
-- goes on: a reader's place in it still holds.
local function cutList(jobKey, earlier, count, bytes, all, allBytes, owner, last)
  local key, list = jobKey .. ':values', all > count and earlier + 1 or earlier
  local chunk = math.max(1, math.min(1000, math.floor(1048576 * all / math.max(1, allBytes))))
  if all > 2 * count then copyBeginning(key, count, chunk) else cutEnd(key, count, chunk) end
  writeValues(jobKey, list, count, bytes, owner)
  local event = string.format('values_reset {"list":%d,"from":%d}', list, count)
  redis.call('XADD', key, string.format('%.0f-0', last + 1), 'e', event)
  redis.call('HSET', jobKey, 'lastEvent', last + 1)
  return list, event
end

-- … of a job that is about to run anew. Returns the id of its last event before that.
local function dropValues(jobKey)
  local lastEvent, values = unpack(redis.call('HMGET', jobKey, 'lastEvent', 'values'))
  local last, list = lastEventId(jobKey, lastEvent), parseValues(values)
  if list then beginList(jobKey, list, '', last) end
  return last
end

