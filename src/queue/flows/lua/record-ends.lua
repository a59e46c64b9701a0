--[[
  Records which nodes of a flow have ended, each once, in the order given. KEYS: flow, ends, order
  ARGV: run of the flow, how many entries of the order the caller has, how many jobs of the flow it knows,
        for each node: node, end, its state where it is a job, else ''
  Returns nil when the caller is out of date: the flow is gone, has ended, or is in another run; more items of a map were admitted; or the
  order is shorter than what the caller has, since Redis has lost what it had written last. Else the entries of the order that the caller
  does not have, { node, end, … }, which other processes may have written.
]]
local run, finished, jobs = unpack(redis.call('HMGET', KEYS[1], 'run', 'finishedAt', 'jobs'))
if run ~= ARGV[1] or finished or jobs ~= ARGV[3] or redis.call('LLEN', KEYS[3]) < tonumber(ARGV[2]) then return nil end
local isNew = false
for i = 4, #ARGV, 3 do
  if redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[i + 1]) == 1 then
    redis.call('RPUSH', KEYS[3], ARGV[i])
    if ARGV[i + 2] ~= '' then redis.call('HINCRBY', KEYS[1], ARGV[i + 2], 1) end
    isNew = true
  end
end
if isNew then redis.call('PUBLISH', KEYS[1], 'changed') end
local nodes, recorded = redis.call('LRANGE', KEYS[3], ARGV[2], -1), {}
for from = 1, #nodes, 1000 do
  local to = math.min(from + 999, #nodes)
  for n, last in ipairs(redis.call('HMGET', KEYS[2], unpack(nodes, from, to))) do
    recorded[#recorded + 1], recorded[#recorded + 2] = nodes[from + n - 1], last
  end
end
return recorded
