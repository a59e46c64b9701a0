-- include bullmq/lib/queue-job
--[[
  Stores jobs in one queue, each unless it is there already, with its places in the lists that lead to it. What many calls of Redis
  would do is done by one for all, since a call from a script costs more than what it does.
  KEYS: prioritized, delayed, priority counter, marker, meta, time limits, index, webhook debts
  ARGV: prefix of the job keys,
        for each: id, type, data, options, priority, created at, due at or '', start by or '', deadline or '',
                  its entry of the index or '', when to look for the webhook that it owes or '', the channel of who waits for it or ''
]]
local sets = { KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5] }
local jobKeys = {}
for i = 2, #ARGV, 12 do jobKeys[#jobKeys + 1] = ARGV[1] .. ARGV[i] end
local isAnyThere = redis.call('EXISTS', unpack(jobKeys)) > 0

local jobs, ready, entries, stored = {}, {}, {}, {}
for n, jobKey in ipairs(jobKeys) do
  local i = 12 * n - 10
  if not (stored[jobKey] or isAnyThere and redis.call('EXISTS', jobKey) == 1) then
    stored[jobKey] = true
    local id, createdAt, dueAt = ARGV[i], tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6])
    if dueAt and dueAt > createdAt then
      queueJob(sets, id, ARGV[i + 4], dueAt, createdAt)
    else
      ready[#ready + 1], ready[#ready + 2] = ARGV[i + 4], id
    end
    limitTime(KEYS[6], id, ARGV[i + 7], ARGV[i + 8])
    if ARGV[i + 9] ~= '' then entries[#entries + 1], entries[#entries + 2] = 0, ARGV[i + 9] end
    if ARGV[i + 10] ~= '' then redis.call('ZADD', KEYS[8], 'NX', ARGV[i + 10], id) end
    local job = { 'name', ARGV[i + 1], 'data', ARGV[i + 2], 'opts', ARGV[i + 3], 'timestamp', ARGV[i + 5],
      'delay', dueAt and dueAt - createdAt or 0, 'priority', ARGV[i + 4] }
    if ARGV[i + 11] ~= '' then job[13], job[14] = 'waiter', ARGV[i + 11] end
    jobs[#jobs + 1], jobs[#jobs + 2] = jobKey, job
  end
end
queueReady(sets, ready)
if #entries > 0 then redis.call('ZADD', KEYS[7], unpack(entries)) end
-- The jobs themselves come last: whatever fails before leaves nothing that counts as stored.
for n = 1, #jobs, 2 do redis.call('HSET', jobs[n], unpack(jobs[n + 1])) end
