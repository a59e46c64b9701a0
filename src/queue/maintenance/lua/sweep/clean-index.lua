-- Removes entries of the index whose job was never stored, from rank `from` on: an entry is written just before its job. Entries above
-- the ULID `before` are too young to tell. `idPrefix`: what job ids have before their ULID. Returns the rank to continue at.
local function cleanIndex(q, from, idPrefix, before)
  local entries = redis.call('ZRANGE', q.index, from, from + q.limit - 1)
  local kept = 0
  for _, entry in ipairs(entries) do
    local ulid = string.sub(entry, -26)
    if ulid > before or redis.call('EXISTS', q.jobs .. idPrefix .. ulid) == 1 then
      kept = kept + 1
    else
      redis.call('ZREM', q.index, entry)
    end
  end
  return #entries == 0 and 0 or from + kept
end

