-- include bullmq/lib/retention
-- include bullmq/lib/labels
-- include bullmq/lib/remove-hash
-- include bullmq/lib/remove-one
--[[
  Removes a job whose removal has begun, with all that belongs to it.
  KEYS: job, event stream, completed, failed, time limits, index, webhook debts
  ARGV: id, its entry in the index where it does not name that, now, 1 where it had an idempotency claim
]]
-- Somebody else may have removed it, and the request of its claim have stored it anew.
if redis.call('HEXISTS', KEYS[1], 'removing') == 0 or redis.call('HEXISTS', KEYS[1], 'name') == 0 then return end
local q = { completed = KEYS[3], failed = KEYS[4], timeLimits = KEYS[5], index = KEYS[6], webhookDebts = KEYS[7], now = ARGV[3] }
q.jobs = string.sub(KEYS[1], 1, -#ARGV[1] - 1)
removeOne(q, ARGV[1], redis.call('HGET', KEYS[1], 'indexEntry') or ARGV[2], ARGV[4] == '1')
