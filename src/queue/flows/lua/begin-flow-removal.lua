--[[
  Marks an ended flow as being removed: it cannot be retried any more.
  KEYS: flow   ARGV: '1' if a client deletes it: then it owes no webhook, and has no deliveries; or ''
  Returns { 'missing', '' }, { 'open', its run } (it has not ended, or owes a webhook), or
  { 'expired' or 'deleted', its idempotency claim or '' }.
]]
local run, finished, claim, webhook, notified, removing =
  unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'claim', 'webhook', 'toldRun', 'removing'))
if not run then return { 'missing', '' } end
if not finished then return { 'open', run } end
if webhook and notified ~= run and not removing then
  if ARGV[1] == '' then return { 'open', run } end
  redis.call('HSET', KEYS[1], 'toldRun', run)
end
local why = (ARGV[1] == '1' or removing == 'deleted') and 'deleted' or 'expired'
redis.call('HSET', KEYS[1], 'removing', why)
return { why, claim or '' }
