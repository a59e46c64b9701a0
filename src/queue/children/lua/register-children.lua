--[[
  Notes which jobs the handler of a running job submits, before they are stored, so that the next start finds them again and an end of the job reaches them.
  The hash of children has `<run>:<n>` with the id of the n-th and the attempt that submitted it; `start`, run and start that wrote last; `fields`, the answers
  for which that start waits (see park.lua); `failFast` where one failure is enough; `own`, how many the job has submitted; `succeeded`, the run that did, where
  the job is removed before its children are looked after; and of the first job above all others `total` and `of:<id>`, how many there are below it and how many of them a job has submitted.
  KEYS: job, lock, children, awaited children, checkpoint
  ARGV: lock token, start, run, attempt, id of the job, max below the first job, or '' where that is another, field to wait for or '', '1' where one failure is enough or '',
        how many ids to wait for that are stored already (n), n ids, then for each call: its number, an id for it, the id that is replaced or ''
  Returns 'lost' | 'full', and nothing is noted | { own, for each call: its id and the attempt that submitted it, '1' where it is new or '' }
]]
local job, lock, children, awaited, checkpoint = unpack(KEYS)
local run, attempt, max, field = ARGV[3], ARGV[4], ARGV[6], ARGV[7]
-- A run counts its starts anew.
local start = run .. ':' .. ARGV[2]
if redis.call('GET', lock) ~= ARGV[1] then return 'lost' end
if redis.call('HGET', children, 'start') ~= start then
  for _, answered in ipairs(redis.call('HKEYS', checkpoint)) do
    if string.sub(answered, 1, 9) == 'children:' then redis.call('HDEL', checkpoint, answered) end
  end
  redis.call('DEL', awaited)
  redis.call('HDEL', children, 'fields', 'failFast')
  redis.call('HSET', children, 'start', start)
end
local known = tonumber(ARGV[9])
local first, reply, new = 10 + known, { 0 }, {}
for at = first, #ARGV, 3 do
  local id = redis.call('HGET', children, run .. ':' .. ARGV[at])
  local isNew = not id or string.match(id, '^%S+') == ARGV[at + 2]
  if isNew then
    id = ARGV[at + 1] .. ' ' .. attempt
    new[#new + 1], new[#new + 2] = ARGV[at], ARGV[at + 1]
  end
  reply[#reply + 1], reply[#reply + 2] = id, isNew and '1' or ''
end
local count = #new / 2
if max ~= '' and count > 0 then
  if tonumber(redis.call('HGET', children, 'total') or 0) + count > tonumber(max) then return 'full' end
  redis.call('HINCRBY', children, 'total', count)
  redis.call('HINCRBY', children, 'of:' .. ARGV[5], count)
end
for n = 1, #new, 2 do
  redis.call('HSET', children, run .. ':' .. new[n], new[n + 1] .. ' ' .. attempt)
  if field ~= '' then redis.call('SADD', awaited, new[n + 1]) end
end
for n = 10, 9 + known do redis.call('SADD', awaited, ARGV[n]) end
-- Where nobody is awaited the field would be answered at once.
if field ~= '' and count + known > 0 then
  local fields = redis.call('HGET', children, 'fields')
  if not fields or redis.call('SCARD', awaited) == count + known then fields = '' end
  redis.call('HSET', children, 'fields', fields .. ' ' .. field)
  -- Of several that wait at once each waits for all.
  if ARGV[8] ~= '' and fields == '' then redis.call('HSET', children, 'failFast', 1) else redis.call('HDEL', children, 'failFast') end
end
reply[1] = count > 0 and redis.call('HINCRBY', children, 'own', count) or tonumber(redis.call('HGET', children, 'own') or 0)
if count > 0 then redis.call('HSET', job, 'children', reply[1]) end
return reply
