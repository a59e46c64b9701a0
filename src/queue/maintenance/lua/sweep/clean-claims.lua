-- Removes claims of unique keys that no job holds any more, which only cost memory. Needs claims.lua. `cursor`: of HSCAN. Returns the next, and how many
-- it removed.
local function cleanClaims(q, cursor)
  local key = claimsKey(q.jobs)
  local scanned, removed = redis.call('HSCAN', key, cursor, 'COUNT', q.limit), 0
  for n = 1, #scanned[2], 2 do
    if not claimHolder(q.jobs, scanned[2][n + 1], q.now) then
      redis.call('HDEL', key, scanned[2][n])
      removed = removed + 1
    end
  end
  return tonumber(scanned[1]), removed
end
