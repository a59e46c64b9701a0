-- include bullmq/lib/write-event
-- include bullmq/lib/add-start
-- include bullmq/lib/active-list
--[[
  Gives up the leases of jobs whose worker has blocked its event loop. The jobs that did not block it go back to the head of their queue at
  once. Those that may have do as well at the next check for stalled jobs, which counts that they stalled.
  KEYS: wait, active, stalled, marker, meta, then hash and lock of each job
  ARGV: prefix of the job keys, for how long the event loop has been blocked in ms, then of each job: id, token, '1' where it may have blocked it or ''
  Returns how many of them went back at once
]]
local wait, active, stalled, marker, meta = unpack(KEYS)
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local returned = 0
for n = 6, #KEYS, 2 do
  local job, lock = KEYS[n], KEYS[n + 1]
  local at = 3 + (n - 6) / 2 * 3
  local id, token, mayHaveBlocked = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if redis.call('GET', lock) == token and redis.call('EXISTS', job) == 1 then
    redis.call('DEL', lock)
    if mayHaveBlocked ~= '' then
      redis.call('SADD', stalled, id)
      redis.call('HSET', job, 'blockedWorker', (redis.call('HGET', job, 'ats') or 0) .. ' ' .. ARGV[2])
    else
      redis.call('SREM', stalled, id)
      if removeActive(active, ARGV[1], id) == 1 then
        local history, attempts = unpack(redis.call('HMGET', job, 'stacktrace', 'atm'))
        addStart(job, history, 'worker_lost', (attempts or 0) + 1, now)
        redis.call('RPUSH', wait, id)
        returned = returned + 1
        writeEvent(ARGV[1], 'waiting', 'jobId', id, 'prev', 'active')
        redis.call('PUBLISH', job, 'changed')
      end
    end
  end
end
if returned > 0 and redis.call('HEXISTS', meta, 'paused') == 0 then redis.call('ZADD', marker, 0, '0') end
return returned
