--[[
  Removes a flow whose removal has begun. The id of one that was deleted, or had an idempotency claim, stays taken for a while: a process that
  found it just before would store it anew, or a part of it. `createdAt` tells a flow from what stays.
  KEYS: flow, ends, order, expansions   ARGV: '1' if its id stays taken, or ''
]]
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
if ARGV[1] == '1' then
  redis.call('HSET', KEYS[1], 'removing', 1)
  redis.call('PEXPIRE', KEYS[1], 30000)
end
redis.call('PUBLISH', KEYS[1], 'ended')
