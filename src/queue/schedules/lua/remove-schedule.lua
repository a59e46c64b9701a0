-- Removes a schedule. KEYS: schedule, due, the tenant's schedules   ARGV: id, member of due   Returns 1, or 0 when there was none.
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[1])
