-- include bullmq/lib/queue-job
--[[
  Stores jobs of a flow in one queue, each unless it is there already: blocked, until the flow comes to it, or ready.
  KEYS: prioritized, delayed, priority counter, marker, meta, time limits, index
  ARGV: prefix of the job keys, tenant, flow, hint channel, run of the flow, created at, now,
        for each: id, type, data, options, priority, 'blocked' or 'ready', due at or '', start by or '', deadline or ''
]]
local sets = { KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5] }
local entries = {}
for i = 8, #ARGV, 9 do
  local id = ARGV[i]
  local jobKey = ARGV[1] .. id
  entries[#entries + 1], entries[#entries + 2] = 0, ARGV[2] .. ':' .. string.sub(id, -26)
  if redis.call('EXISTS', jobKey) == 0 then
    redis.call('HSET', jobKey, 'name', ARGV[i + 1], 'data', ARGV[i + 2], 'opts', ARGV[i + 3], 'timestamp', ARGV[6],
      'delay', 0, 'priority', ARGV[i + 4], 'flow', ARGV[3], 'flowHints', ARGV[4], 'flowRun', ARGV[5])
    if ARGV[i + 5] == 'blocked' then
      redis.call('HSET', jobKey, 'blocked', 1)
    else
      limitTime(KEYS[6], id, ARGV[i + 7], ARGV[i + 8])
      queueJob(sets, id, ARGV[i + 4], tonumber(ARGV[i + 6]), tonumber(ARGV[7]))
    end
  end
end
redis.call('ZADD', KEYS[7], unpack(entries))
