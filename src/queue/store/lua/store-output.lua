--[[
  Stores a piece of a running job's output beside the job, if the caller still holds the job. The first piece removes the output of an
  earlier attempt. Idempotent.
  KEYS: lock, output, job   ARGV: lock token, name of the output, number of the piece from 0, the piece, bytes of all pieces
  Returns 1, or 0 when the caller does not hold the job, or another output was begun.
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[2], 'name') ~= ARGV[2] then
  if ARGV[3] ~= '0' then return 0 end
  redis.call('UNLINK', KEYS[2])
  redis.call('HSET', KEYS[2], 'name', ARGV[2])
  redis.call('HSET', KEYS[3], 'outputName', ARGV[2], 'outputBytes', ARGV[5])
end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return 1
