-- What becomes of a new job whose key another job holds. Needs claims.lua, cancel-one.lua and queue-job.lua with what those need.

-- Cancels the holder of a key, whose place a new job takes. Returns ended | signaled.
local function cancelHolder(prefix, id, graceMs, now)
  local sets = {}
  for n, set in ipairs({ 'delayed', 'prioritized', 'wait', 'active', 'stalled', 'failed' }) do sets[n] = prefix .. set end
  local beside = string.match(prefix, '^.*}')
  sets[7] = beside .. ':webhook-debts'
  return cancelOne(prefix .. id, sets, id, string.format('%.0f', now), 'a newer job of its unique key replaced it', graceMs, prefix .. id, beside .. ':cancels')
end

-- `unique`: `<on conflict> <claim>`. `refusalFor(holder)`: why the new job may not take the place of that one, or nil; asked before anything changes.
-- Returns nil when the job is to be stored; and 'joined', the job that holds the key; or 'replaced', it, how it was canceled; or why it is refused.
local function deduplicate(prefix, id, unique, refusalFor)
  local now, onConflict, claim = claimNow(), string.match(unique, '^(%S+) (.*)$')
  local holder, graceMs = claimKey(prefix, id, claim, now)
  if not holder then return nil end
  if onConflict ~= 'replace' then return { 'joined', holder } end
  local refused = refusalFor(holder)
  if refused then return refused end
  local how = cancelHolder(prefix, holder, graceMs, now)
  local field, rest = string.match(claim, '^(%S+) (.*)$')
  redis.call('HSET', claimsKey(prefix), field, id .. ' ' .. rest)
  -- It has ended, and held its key for a time: nothing is replaced.
  if how == 'done' then return nil end
  return { 'replaced', holder, how }
end

-- A job that is debounced takes the place of the one that is scheduled under its key, if there is one: under its id, and at the latest `max ms` after
-- that was created. `at`: where the job is in the arguments of add-jobs.lua, which this changes; `:debounce` is `<claim> <max ms>`.
-- Returns nil where there is none; else { 'replaced', its id }, and the fields of its hash that stay: it is out of all lists but the index then; or why
-- the new one is refused, by `refusalFor` as above.
local function debounce(prefix, id, at, refusalFor)
  local claim, maxMs = string.match(ARGV[at + 9], '^(.*) (%d+)$')
  local holder = claimKey(prefix, id, claim, claimNow())
  if not holder then return nil end
  local refused = refusalFor(holder)
  if refused then return refused end
  local beside = string.match(prefix, '^.*}')
  removeLabels(prefix, holder, true)
  redis.call('ZREM', prefix .. 'delayed', holder)
  redis.call('ZREM', beside .. ':time-limits', 's:' .. holder, 'd:' .. holder)
  redis.call('ZREM', beside .. ':webhook-debts', holder)
  redis.call('ZREM', retentionKey(prefix), holder)

  local createdAt, idempotency, waiter, run = unpack(redis.call('HMGET', prefix .. holder, 'timestamp', 'claim', 'waiter', 'run'))
  local extras = {}
  for f = at + 8, at + 7 + 2 * ARGV[at + 7], 2 do extras[ARGV[f]] = f + 1 end
  local delayAt = extras[':delay']
  local asked = ARGV[at + 4] + ARGV[delayAt]
  local due = math.min(asked, createdAt + maxMs)
  local function shift(text) return string.format('%.0f', text - asked + due) end
  for _, name in ipairs({ ':start-by', ':deadline', ':webhook-at', ':keep-until' }) do
    if extras[name] then ARGV[extras[name]] = shift(ARGV[extras[name]]) end
  end
  -- In the record its input comes last.
  if extras[':start-by'] or extras[':deadline'] then
    ARGV[at + 2] = string.gsub(ARGV[at + 2], '"countsFrom":(%d+)', function(from) return '"countsFrom":' .. shift(from) end, 1)
  end
  local delay = string.format('%.0f', due - createdAt)
  ARGV[delayAt] = delay
  ARGV[at + 3] = string.gsub(ARGV[at + 3], '"delay":%d+', '"delay":' .. delay)
  local labelsAt = extras['labels']
  if labelsAt then ARGV[labelsAt] = string.gsub(ARGV[labelsAt], string.sub(id, -26), string.sub(holder, -26)) end
  ARGV[at], ARGV[at + 4], ARGV[at + 6] = holder, createdAt, ''
  local kept = {}
  for name, value in pairs({ claim = idempotency, waiter = waiter, run = run }) do
    if value then kept[#kept + 1], kept[#kept + 2] = name, value end
  end
  redis.call('PUBLISH', prefix .. holder, 'changed')
  return { 'replaced', holder }, kept
end
