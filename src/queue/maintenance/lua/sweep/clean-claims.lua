-- Removes claims of unique keys that no job holds any more, which only cost memory. Needs claims.lua. `cursor`: of HSCAN. Returns the next, and how many
-- it removed.
local function cleanClaims(q, cursor)
  local key = claimsKey(q.jobs)
  -- A user of Redis with the rights that the version before needed may not scan.
  local scanned, removed = redis.pcall('HSCAN', key, cursor, 'COUNT', q.limit), 0
  if scanned.err then return 0, 0 end
  for n = 1, #scanned[2], 2 do
    if not claimHolder(q.jobs, scanned[2][n + 1], q.now) then
      redis.call('HDEL', key, scanned[2][n])
      removed = removed + 1
    end
  end
  return tonumber(scanned[1]), removed
end
