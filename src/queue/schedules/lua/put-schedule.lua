--[[
  Replaces the schedule that the caller read. When its ticks continue, a tick that is due or taken stays so.
  KEYS: schedule, due, the tenant's schedules
  ARGV: id, member of due, revision as read or '', new revision, definition, max schedules of a tenant,
        '' when its ticks continue; else the name of the new era, its first tick or ''
  Returns stored | changed | full
]]
local revision = redis.call('HGET', KEYS[1], 'revision') or ''
if revision ~= ARGV[3] then return 'changed' end
if revision == '' and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[6]) then return 'full' end
redis.call('HSET', KEYS[1], 'revision', ARGV[4], 'definition', ARGV[5])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
if ARGV[7] == '' then return 'stored' end
redis.call('HSET', KEYS[1], 'era', ARGV[7], 'next', ARGV[8])
redis.call('HDEL', KEYS[1], 'takenAt', 'heldBack')
if ARGV[8] == '' then redis.call('ZREM', KEYS[2], ARGV[2]) else redis.call('ZADD', KEYS[2], ARGV[8], ARGV[2]) end
return 'stored'
