--[[
  Stores events of a running job and tells its watchers, if the caller still holds the job.
  KEYS: lock, event stream, job hash   ARGV: lock token, channel, most entries, newest progress or '', event…
  Returns 1, or 0 when the lock is not the caller's: then nothing was stored.
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local first
for i = 5, #ARGV do
  local entry = redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[3], '0-*', 'e', ARGV[i])
  first = first or string.match(entry, '%d+$')
end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], 'progress', ARGV[4]) end
redis.call('PUBLISH', ARGV[2], first .. '\n' .. table.concat(ARGV, '\n', 5))
return 1
