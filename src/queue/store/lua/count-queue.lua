--[[
  Counts the jobs of a queue, and returns the jobs of which one has waited longest.
  KEYS: meta, workers, delayed, prioritized, wait, active, completed, failed, unknown jobs, held
  ARGV: ms after which a worker without a heartbeat does not count, prefix of the job keys
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The first of each priority (BullMQ's score is priority and counter), and of those that came back from a vanished worker.
local oldest = { redis.call('LINDEX', KEYS[5], -1) or nil }
for priority = 1, redis.call('EXISTS', KEYS[4]) * 10 do
  local first = redis.call('ZRANGEBYSCORE', KEYS[4], priority * 0x100000000, '(' .. (priority + 1) * 0x100000000, 'LIMIT', 0, 1)
  oldest[#oldest + 1] = first[1]
end
-- Scheduled are jobs whose time is to come. Of the others in that set some are due, which a worker moves when it next fetches jobs, and
-- some are left to workers that know their type.
local notDue = '(' .. string.format('%.0f', (now + 1) * 0x1000)
local delayed, scheduled = redis.call('ZCARD', KEYS[3]), redis.call('ZCOUNT', KEYS[3], notDue, '+inf')
if scheduled < delayed then oldest[#oldest + 1] = redis.call('ZRANGE', KEYS[3], 0, 0)[1] end
local gone, isFirst = {}, true
for _, id in ipairs(redis.call('ZRANGE', KEYS[9], 0, 999)) do
  local score = redis.call('ZSCORE', KEYS[3], id)
  local starts, known = unpack(redis.call('HMGET', ARGV[2] .. id, 'ats', 'unknownSince'))
  local at = string.match(known or '', '^%d+')
  -- A worker that knew it has started it since, or it has ended.
  if not (score and at and tonumber(at) == (starts or 0) + 1) then
    gone[#gone + 1] = id
  else
    if isFirst then oldest[#oldest + 1] = id end
    isFirst = false
    if tonumber(score) >= (now + 1) * 0x1000 then scheduled = scheduled - 1 end
  end
end
if #gone > 0 then redis.call('ZREM', KEYS[9], unpack(gone)) end
return {
  redis.call('HEXISTS', KEYS[1], 'paused'),
  redis.call('ZCOUNT', KEYS[2], now - ARGV[1], '+inf'),
  scheduled,
  redis.call('ZCARD', KEYS[4]) + redis.call('LLEN', KEYS[5]) + delayed - scheduled,
  redis.call('LLEN', KEYS[6]),
  redis.call('ZCARD', KEYS[7]),
  redis.call('ZCARD', KEYS[8]),
  oldest,
  redis.call('HGET', KEYS[1], 'drover.pausedAt'),
  redis.call('HGET', KEYS[1], 'drover.workerLeftAt'),
  redis.call('ZCARD', KEYS[4]) + redis.call('LLEN', KEYS[5]),
  redis.call('ZCARD', KEYS[10]),
  redis.call('HGET', KEYS[1], 'concurrency'),
  redis.call('HMGET', KEYS[1], 'max', 'duration'),
  redis.call('ZCARD', ARGV[2] .. 'waiting-children'),
}
