--[[
  Lists a job that a plain BullMQ producer added. KEYS: job, index   ARGV: its entry
  The job keeps its entry, since scripts cannot derive it.
]]
if redis.call('EXISTS', KEYS[1]) == 0 then return end
redis.call('HSET', KEYS[1], 'indexEntry', ARGV[1])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
