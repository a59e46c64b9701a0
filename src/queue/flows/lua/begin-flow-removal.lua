--[[
  Marks an ended flow as being removed: it cannot be retried any more.
  KEYS: flow   ARGV: why: 'deleted' by a client: then it owes no webhook, and has no deliveries; 'expired'; or 'evicted', the run that the caller has read or ''
  Returns { 'missing', '' }, { 'open', its run } (it has not ended, is in another run, or owes a webhook), or
  { why, its idempotency claim or '' }: what has begun as a deletion or an eviction is one to its end.
]]
local run, finished, claim, webhook, notified, removing =
  unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'claim', 'webhook', 'toldRun', 'removing'))
if not run then return { 'missing', '' } end
if not finished or ARGV[2] ~= '' and ARGV[2] ~= run then return { 'open', run } end
if webhook and notified ~= run and not removing then
  if ARGV[1] ~= 'deleted' then return { 'open', run } end
  redis.call('HSET', KEYS[1], 'toldRun', run)
end
local why = ARGV[1]
if removing == 'deleted' or removing == 'evicted' and why == 'expired' then why = removing end
redis.call('HSET', KEYS[1], 'removing', why)
return { why, claim or '' }
