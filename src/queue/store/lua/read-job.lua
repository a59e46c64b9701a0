-- include bullmq/lib/values
-- include bullmq/lib/active-list
--[[
  Reads a job and where it is, atomically.
  KEYS: job hash, its lock, delayed (zset), active (list), event stream, index, meta, workers, prioritized
  ARGV: job id, its tenant or '' for any: a job of another tenant is not in the index under this one, and not read; 'small': a large input is cut off;
        and for explain-job.lua whose jobs its place counts: 'all' or 'own'
  Returns nil, or { hash as field/value list, place, id of its last event, due time in ms or false,
    and of a job that waits: now, paused since ('' when that is unknown) or false, when the last worker stopped or false,
    the last heartbeat of a worker or false, what holds it as slots.lua stores it or false, jobs at that gate as it counts them, when the next of its rate may
    start or false, how many jobs of the queue may run or false, how many run, and for explain-job.lua what standing.lua says }
]]
if ARGV[2] ~= '' and not redis.call('ZSCORE', KEYS[6], ARGV[2] .. ':' .. string.sub(ARGV[1], -26)) then return nil end
local hash = redis.call('HGETALL', KEYS[1])
if #hash == 0 then return nil end
-- The input is the last field of the record. Where it is not, an earlier version stored the job.
local size = ARGV[3] == 'small' and redis.call('HGET', KEYS[1], 'inputBytes')
for n = 1, size and #hash or 0, 2 do
  local cut = #hash[n + 1] - size - 1
  if hash[n] == 'data' and string.sub(hash[n + 1], cut - 7, cut) == '"input":' then hash[n + 1] = string.sub(hash[n + 1], 1, cut) .. 'null}' end
end
local last = lastEventId(KEYS[1], redis.call('HGET', KEYS[1], 'lastEvent'))
if redis.call('HEXISTS', KEYS[1], 'finishedOn') == 1 then
  -- A removed job whose id is still taken: see remove-hash.lua.
  if redis.call('HEXISTS', KEYS[1], 'name') == 0 then return nil end
  return { hash, 'finished', last, false }
end
if redis.call('HEXISTS', KEYS[1], 'blocked') == 1 or redis.call('HEXISTS', KEYS[1], 'parked') == 1 then return { hash, 'blocked', last, false } end
if redis.call('EXISTS', KEYS[2]) == 1 then return { hash, 'active', last, false } end
local function waits(place, dueAt)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local paused, pausedAt, leftAt, concurrency, isLimited =
    unpack(redis.call('HMGET', KEYS[7], 'paused', 'drover.pausedAt', 'drover.workerLeftAt', 'concurrency', 'drover.limits'))
  local beat = redis.call('ZREVRANGE', KEYS[8], 0, 0, 'WITHSCORES')[2]
  local beside = string.match(KEYS[1], '^.*}')
  local held = isLimited and redis.call('HGET', beside .. ':held-by', ARGV[1])
  local gate = held and cjson.decode(held)[3]
  local reply = { hash, place, last, dueAt, string.format('%.0f', now), paused and (pausedAt or ''), leftAt, beat or false,
    held or false, gate and redis.call('HGET', beside .. ':busy', gate) or false, gate and redis.call('ZSCORE', beside .. ':waking', gate) or false,
    concurrency, redis.call('LLEN', KEYS[4]) }
  if not ARGV[4] then return reply end
  return addStanding(reply, string.sub(KEYS[1], 1, -#ARGV[1] - 1), ARGV[1], KEYS[6], ARGV[4] == 'own' and ARGV[2], now)
end
-- BullMQ's score is the due time in ms, shifted left by 12 bits, and a counter.
local score = redis.call('ZSCORE', KEYS[3], ARGV[1])
if score then return waits('delayed', string.format('%.0f', math.floor(tonumber(score) / 4096))) end
-- Active without a lock: its worker has died, and no check has found it so far.
local mayRun = redis.call('HEXISTS', KEYS[1], 'processedOn') == 1 and not redis.call('ZSCORE', KEYS[9], ARGV[1])
if mayRun and isActive(KEYS[4], string.sub(KEYS[1], 1, -#ARGV[1] - 1), ARGV[1]) then return { hash, 'active', last, false } end
return waits('waiting', false)
