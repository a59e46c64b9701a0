--[[
  Gives the next items of an expanded map their nodes and jobs. The caller must know all ends, and all nodes so far: what it decides from
  them must not change in between.
  KEYS: flow, expansions, order
  ARGV: run of the flow, how many entries of the order the caller has, how many jobs of the flow it knows, the map's node, how many of its
        items were admitted, how many are, how many jobs that adds
  Returns 1, or 0 when the caller is out of date.
]]
local admitted = 'stored:' .. ARGV[4] .. ':admitted'
local run, finished, stop, jobs = unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'stop', 'jobs'))
if run ~= ARGV[1] or finished or stop or jobs ~= ARGV[3] then return 0 end
if redis.call('LLEN', KEYS[3]) ~= tonumber(ARGV[2]) or redis.call('HGET', KEYS[2], admitted) ~= ARGV[5] then return 0 end
redis.call('HSET', KEYS[2], admitted, ARGV[6])
redis.call('HINCRBY', KEYS[1], 'jobs', ARGV[7])
redis.call('HINCRBY', KEYS[1], 'blocked', ARGV[7])
redis.call('PUBLISH', KEYS[1], 'changed')
return 1
