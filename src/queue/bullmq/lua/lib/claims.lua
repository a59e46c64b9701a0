-- Claims of unique keys. Needs labels.lua. A hash of the queue has by the name of a key `<job> <until> <grace>`: the job that claims it; until when,
-- as below; and for how many ms a cancel lets that job stop. Whether a claim holds is read from its job, by the script that asks: so no step that
-- starts, ends or removes a job can forget to release it, and what no job holds any more is only removed by the sweep.
-- `until`: 'started' | 'ended' | 'scheduled' (a debounced job: until it is due) | epoch ms, also after its end, unless it was canceled or expired

local function claimsKey(prefix)
  return string.match(prefix, '^.*}') .. ':claims'
end

-- The job that holds a claim, and its grace; nil: nobody does. `prefix`: of the job keys.
local function claimHolder(prefix, claim, now)
  local id, till, graceMs = string.match(claim or '', '^(%S+) (%S+) (%d+)$')
  if not id then return nil end
  local name, finished, started, failure = unpack(redis.call('HMGET', prefix .. id, 'name', 'finishedOn', 'processedOn', 'failedReason'))
  local holds = name and not finished
  if till == 'started' then
    holds = holds and not started
  elseif till == 'scheduled' then
    local score = holds and not started and redis.call('ZSCORE', prefix .. 'delayed', id)
    holds = score and math.floor(score / 0x1000) > now
  elseif till ~= 'ended' then
    holds = name and tonumber(till) > now and (not finished or not failure or stateOfFailure(failure) == 'failed')
  end
  if holds then return id, graceMs end
end

local function claimNow()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Claims a key for a job, unless another holds it. `claim`: `<name of the key> <until> <grace>`. Returns the job that holds it, and its grace, or nil.
local function claimKey(prefix, id, claim, now)
  local field, rest = string.match(claim, '^(%S+) (.*)$')
  local holder, graceMs = claimHolder(prefix, redis.call('HGET', claimsKey(prefix), field), now)
  if holder and holder ~= id then return holder, graceMs end
  redis.call('HSET', claimsKey(prefix), field, id .. ' ' .. rest)
end
