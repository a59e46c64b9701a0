--[[
  Removes a schedule.
  KEYS: schedule, due, the tenant's schedules   ARGV: id, member of due, the revision that it must have, or empty for any
  Returns 1, 0 when there was none, -1 when it has another revision.
]]
if ARGV[3] ~= '' and redis.call('HGET', KEYS[1], 'revision') ~= ARGV[3] then return -1 end
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[1])
