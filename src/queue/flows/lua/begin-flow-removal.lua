--[[
  Marks an ended flow as being removed: it cannot be retried any more. KEYS: flow
  Returns { 'missing', '' }, { 'open', its run } (it has not ended, or owes a webhook), or { 'removing', its idempotency claim or '' }.
]]
local run, finished, claim, webhook, notified = unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'claim', 'webhook', 'toldRun'))
if not run then return { 'missing', '' } end
if not finished or (webhook and notified ~= run) then return { 'open', run } end
redis.call('HSET', KEYS[1], 'removing', 1)
return { 'removing', claim or '' }
