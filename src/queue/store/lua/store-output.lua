--[[
  Stores a piece of a running job's output beside the job, if the caller still holds it. The first piece makes room: what an
  earlier attempt has left goes. Storing a piece again changes nothing.
  KEYS: lock, output, job   ARGV: lock token, name of the output, number of the piece from 0, the piece, bytes of all pieces
  Returns 1, or 0 when the job is not the caller's, or another output has taken the place.
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
