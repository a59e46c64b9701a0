-- include bullmq/lib/labels
-- include bullmq/lib/remove-hash
--[[
  Removes a job whose removal has begun, with all that belongs to it.
  KEYS: job, event stream, completed, failed, time limits, index, webhook debts
  ARGV: id, its entry in the index, now, 1 where it had an idempotency claim
]]
-- Somebody else may have removed it, and the request of its claim have stored it anew.
if redis.call('HEXISTS', KEYS[1], 'removing') == 0 or redis.call('HEXISTS', KEYS[1], 'name') == 0 then return end
removeLabels(string.sub(KEYS[1], 1, -#ARGV[1] - 1), ARGV[1], true)
removeHash(KEYS[1], ARGV[4] == '1', ARGV[3])
redis.call('UNLINK', KEYS[2], KEYS[1] .. ':output', KEYS[1] .. ':values', KEYS[1] .. ':logs')
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[5], 's:' .. ARGV[1], 'd:' .. ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[2])
redis.call('ZREM', KEYS[7], ARGV[1])
