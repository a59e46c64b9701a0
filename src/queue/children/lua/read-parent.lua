--[[
  Reads what the coordinator needs to know of a job that has submitted others. Only reads.
  KEYS: job, children, awaited children
  ARGV: how many of the awaited at most
  Returns { 'gone' | 'ended' | 'open' | 'parked', its run, '1' where it has succeeded or '', some of the awaited }
]]
local name, finished, run, parked = unpack(redis.call('HMGET', KEYS[1], 'name', 'finishedOn', 'run', 'parked'))
if not name then
  -- See remove-one.lua.
  local succeeded = redis.call('HGET', KEYS[2], 'succeeded')
  return { 'gone', succeeded or '1', succeeded and '1' or '', {} }
end
if finished then return { 'ended', run or '1', redis.call('HEXISTS', KEYS[1], 'returnvalue') == 1 and '1' or '', {} } end
return { parked and 'parked' or 'open', run or '1', '', redis.call('SRANDMEMBER', KEYS[3], ARGV[1]) }
