--[[
  Marks an ended flow: it is being removed, and cannot be retried any more. KEYS: flow
  Returns { 'missing', '' }, { 'open', its run } also where it owes a webhook, or { 'removing', its idempotency claim or '' }.
]]
local run, finished, claim, webhook, told = unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'claim', 'webhook', 'toldRun'))
if not run then return { 'missing', '' } end
if not finished or (webhook and told ~= run) then return { 'open', run } end
redis.call('HSET', KEYS[1], 'removing', 1)
return { 'removing', claim or '' }
