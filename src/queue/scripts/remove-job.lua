--[[
  Removes an ended job with all that belongs to it. KEYS: job, event stream, completed, failed, time limits, index   ARGV: id, its entry in the index
  Returns 1, or 0 when it is there and has not ended.
]]
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'finishedOn') == 0 then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[1] .. ':output', KEYS[1] .. ':logs')
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[5], 's:' .. ARGV[1], 'd:' .. ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[2])
return 1
