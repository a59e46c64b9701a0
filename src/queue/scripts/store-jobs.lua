--[[
  Stores jobs in one queue, each unless it is there already, with its places in the lists that lead to it.
  KEYS: prioritized, delayed, priority counter, marker, meta, time limits, index, webhook debts
  ARGV: prefix of the job keys,
        for each: id, type, data, options, priority, created at, due at or '', start by or '', deadline or '',
                  its entry of the index or '', when to look for the webhook that it owes or ''
]]
local sets = { KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5] }
for i = 2, #ARGV, 11 do
  local id = ARGV[i]
  local jobKey = ARGV[1] .. id
  if redis.call('EXISTS', jobKey) == 0 then
    local createdAt, dueAt = tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6])
    -- The job itself comes last: whatever fails before leaves nothing that counts as stored.
    queueJob(sets, id, ARGV[i + 4], dueAt, createdAt)
    limitTime(KEYS[6], id, ARGV[i + 7], ARGV[i + 8])
    if ARGV[i + 9] ~= '' then redis.call('ZADD', KEYS[7], 0, ARGV[i + 9]) end
    if ARGV[i + 10] ~= '' then redis.call('ZADD', KEYS[8], 'NX', ARGV[i + 10], id) end
    redis.call('HSET', jobKey, 'name', ARGV[i + 1], 'data', ARGV[i + 2], 'opts', ARGV[i + 3], 'timestamp', ARGV[i + 5],
      'delay', dueAt and dueAt - createdAt or 0, 'priority', ARGV[i + 4])
  end
end
