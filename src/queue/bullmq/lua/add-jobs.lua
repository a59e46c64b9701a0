-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/retention
--[[
  Adds jobs to one queue, each unless its id is there already: what BullMQ's addStandardJob, addPrioritizedJob and addDelayedJob do for one,
  for jobs without parent, deduplication or schedule. With a job come its places in the lists that lead to it. What many calls of Redis would
  do is done by one for all, since a call from a script costs more than what it does.
  KEYS: wait, prioritized, delayed, priority counter, marker, meta, active, id counter, events, time limits, index, webhook debts, labels
  ARGV: prefix of the job keys, '1' to write events in any case or '',
        for each: id or '' to count one, name, data, options as JSON, created at, priority, its entry of the index or '',
                  how many more it has, each as a name and a value: `:delay` in ms, `:lifo` to be the next of its queue, `:blocked`,
                  `:start-by`, `:deadline`, `:webhook-at` when to look for the webhook that it owes, `:keep-until` when to look whether it has been kept
                  for long enough, `:fair` where tenants share the queue,
                  `:on-full` what a full concurrency key does to it; other names are fields of its hash;
                  its field `labels` has its entries of the index of labels, a line each.
                  The first may be `:unique` or `:debounce`: see deduplicate.lua, which add-claimed-jobs.lua includes
  Returns 1 where each is stored under the id that it came with, or was there already. Else for each its id; or what became of it: 'joined', the job that has its key | 'replaced', the job in whose place it is, and how that was canceled
  or nothing where it has its id | 'concurrency_full' or 'too_many_held', key, limit of one that was refused.
]]
local wait, prioritized, delayed, counter, marker, meta, active, idCounter, events, limits, index, debts, labels = unpack(KEYS)
local sets = { prioritized, delayed, counter, marker, meta }
-- A local is found sooner than a global.
local ARGV = ARGV
local prefix = ARGV[1]

local jobs, jobKeys = {}, {}
local i = 3
while i <= #ARGV do
  jobs[#jobs + 1] = i
  if ARGV[i] ~= '' then jobKeys[#jobKeys + 1] = prefix .. ARGV[i] end
  i = i + 8 + 2 * ARGV[i + 7]
end
local lastId = redis.call('INCRBY', idCounter, #jobs)
local isAnyThere = #jobKeys > 0 and redis.call('EXISTS', unpack(jobKeys)) > 0
local paused, concurrency, writesEvents, isFair, isLimited =
  unpack(redis.call('HMGET', meta, 'paused', 'concurrency', 'drover.events', 'drover.fair', 'drover.limits'))
-- One table for what the functions below need: Lua makes them anew at each call, and looks for each local that they share.
-- `entry` is nil where neither fairness nor limits are in use.
local queue = { prefix = prefix, sets = sets, isFair = isFair, isLimited = isLimited }
queue.entry = (isFair or isLimited) and openReady(prefix, sets, isFair, isLimited)
local function entryOf(q)
  q.entry = q.entry or openReady(q.prefix, q.sets, q.isFair, q.isLimited)
  return q.entry
end
writesEvents = writesEvents or ARGV[2] ~= ''
local maxEvents = writesEvents and redis.call('HGET', meta, 'opts.maxLenEvents') or 10000
local function event(...)
  if writesEvents then redis.call('XADD', events, 'MAXLEN', '~', maxEvents, '*', 'event', ...) end
end

local ids, hashes, standard, plain, ready, entries, stored, gone = {}, {}, {}, {}, {}, {}, {}, {}
-- What a job has that has no more than every job; and the options of most.
local none, ourOptions = {}, '{"backoff":{"type":"drover"}}'

-- A job as `ready.enter` takes it, with its fairness and its gates; or nil, and why it is refused.
local function withGates(at, id, more, turn, gates)
  local entry = entryOf(queue)
  local job = { id = id, priority = tonumber(ARGV[at + 5]), data = ARGV[at + 2], createdAt = ARGV[at + 4], turn = turn, gates = gates }
  if turn or more[':fair'] then entry.needFair() end
  if gates then entry.needSlots() end
  if not entry.slots then return job end
  local isReady = not (more[':delay'] or more[':blocked']) and job.priority > 0
  local list = entry.slots.gates(gates, job.data)
  if isReady then
    job.list, job.full = list, entry.slots.join(list)
  else
    entry.slots.look(list)
  end
  local why, gate = entry.slots.refusal(list, more[':on-full'] or '')
  if not why then return job end
  if isReady then entry.slots.unjoin(list) end
  return nil, { why, gate.name, tostring(gate.limit) }
end

-- Why a job is refused by its gates that would take the place of `holder`, or nil. Like withGates once the holder has left, but nothing changes.
local function refusalInPlace(at, holder)
  local gates, onFull
  for f = at + 8, at + 7 + 2 * ARGV[at + 7], 2 do
    if ARGV[f] == 'gates' then gates = ARGV[f + 1] end
    if ARGV[f] == ':on-full' then onFull = ARGV[f + 1] end
  end
  if not (gates and onFull) then return nil end
  local entry = entryOf(queue)
  entry.needSlots()
  local list = entry.slots.gates(gates, ARGV[at + 2])
  entry.slots.look(list)
  entry.slots.lookWithout(list, holder)
  local why, gate = entry.slots.refusal(list, onFull)
  return why and { why, gate.name, tostring(gate.limit) }
end

local areNamed = true
for n, at in ipairs(jobs) do
  local id = ARGV[at]
  local isCustom = id ~= ''
  areNamed = areNamed and isCustom
  if not isCustom then id = string.format('%.0f', lastId - #jobs + n) end
  local jobKey = prefix .. id
  local key, deduplicated, kept = ARGV[at + 7] ~= '0' and ARGV[at + 8], nil, nil
  local isThere = isCustom and (stored[id] or isAnyThere and redis.call('EXISTS', jobKey) == 1)
  if not isThere and (key == ':unique' or key == ':debounce') then
    local function refusalFor(holder) return refusalInPlace(at, holder) end
    if key == ':unique' then
      deduplicated = deduplicate(prefix, id, ARGV[at + 9], refusalFor)
    else
      deduplicated, kept = debounce(prefix, id, at, refusalFor)
    end
    if kept then
      id, jobKey = ARGV[at], prefix .. ARGV[at]
      gone[1] = jobKey
    end
  end
  local isStored = not isThere and (not deduplicated or deduplicated[1] == 'replaced')
  local name, createdAt, priority = ARGV[at + 1], tonumber(ARGV[at + 4]), ARGV[at + 5]
  local hash, more, found = { 'name', name, 'data', ARGV[at + 2], 'opts', ARGV[at + 3], 'timestamp', ARGV[at + 4] }, none, none
  if ARGV[at + 7] ~= '0' then more, found = {}, {} end
  for f = at + 8, at + 7 + 2 * ARGV[at + 7], 2 do
    if string.byte(ARGV[f]) == 58 then
      more[ARGV[f]] = ARGV[f + 1]
    else
      hash[#hash + 1], hash[#hash + 2] = ARGV[f], ARGV[f + 1]
      found[ARGV[f]] = ARGV[f + 1]
    end
  end
  local job, refused
  if isStored and (queue.entry or more ~= none and (found.turn or found.gates or more[':fair'])) then job, refused = withGates(at, id, more, found.turn, found.gates) end
  ids[n] = refused or deduplicated or id
  areNamed = areNamed and ids[n] == ARGV[at]
  if isThere then
    event('duplicated', 'jobId', id)
  elseif isStored and not refused then
    stored[id] = true
    if found.labels then
      for label in string.gmatch(found.labels, '[^\n]+') do redis.call('ZADD', labels, 0, label) end
    end
    local delay = tonumber(more[':delay'] or 0)
    -- What is the same for nearly all of our jobs is left out: each field takes some 50 bytes. Where the priority is missing it is 10.
    local isOurs = ARGV[at + 3] == ourOptions or string.find(ARGV[at + 3], '"backoff":{"type":"drover"}', 1, true)
    if not isOurs or delay > 0 then hash[#hash + 1], hash[#hash + 2] = 'delay', more[':delay'] or '0' end
    if not isOurs or priority ~= '10' or delay > 0 or more[':blocked'] then hash[#hash + 1], hash[#hash + 2] = 'priority', priority end
    if writesEvents then event('added', 'jobId', id, 'name', name) end
    if more[':blocked'] then
      redis.call('ZADD', prefix .. 'waiting-children', createdAt, id)
      event('waiting-children', 'jobId', id)
    elseif delay > 0 then
      delayJob(sets, id, createdAt + delay)
      event('delayed', 'jobId', id, 'delay', string.format('%.0f', createdAt + delay))
    else
      if priority == '0' then
        standard[#standard + 1], standard[#standard + 2] = more[':lifo'] and 'RPUSH' or 'LPUSH', id
      elseif job then
        ready[#ready + 1] = job
      else
        plain[#plain + 1], plain[#plain + 2] = priority, id
      end
      if writesEvents then event('waiting', 'jobId', id) end
    end
    if ARGV[at + 6] ~= '' then entries[#entries + 1], entries[#entries + 2] = 0, ARGV[at + 6] end
    if more ~= none then
      limitTime(limits, id, more[':start-by'] or '', more[':deadline'] or '')
      if more[':keep-until'] then redis.call('ZADD', retentionKey(prefix), more[':keep-until'], id) end
      if more[':webhook-at'] then redis.call('ZADD', debts, 'NX', more[':webhook-at'], id) end
    end
    if kept then
      for f = 1, #kept do hash[#hash + 1] = kept[f] end
    end
    hashes[#hashes + 1], hashes[#hashes + 2] = jobKey, hash
  end
  -- Who has the key of the next job is read from those before it.
  local nextKey = n < #jobs and ARGV[jobs[n + 1] + 8]
  if n == #jobs or nextKey == ':unique' or nextKey == ':debounce' then
    for m = 1, #standard, 2 do redis.call(standard[m], wait, standard[m + 1]) end
    if queue.entry then
      enterAll(queue.entry, plain, ready, ARGV[7])
    else
      enterPlainly(plain, sets)
    end
    -- The marker wakes a worker. At the concurrency limit of the queue it is not set: the worker that ends a job fetches the next.
    local isMaxed = concurrency and redis.call('LLEN', active) >= tonumber(concurrency)
    if #standard + #plain + #ready > 0 and not (paused or isMaxed) then redis.call('ZADD', marker, 0, '0') end
    if #entries > 0 then redis.call('ZADD', index, unpack(entries)) end
    if #gone > 0 then redis.call('UNLINK', unpack(gone)) end
    -- The jobs themselves come last: whatever fails before leaves nothing that counts as stored.
    for m = 1, #hashes, 2 do redis.call('HSET', hashes[m], unpack(hashes[m + 1])) end
    hashes, standard, plain, ready, entries, gone = {}, {}, {}, {}, {}, {}
  end
end
-- An answer for each costs the process that adds them more than all else that it reads.
return areNamed and 1 or ids
