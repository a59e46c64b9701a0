-- Removes entries of the index whose job was never stored, from rank `from` on: an entry is written just before its job. Entries above
-- the ULID `before` are too young to tell. `idPrefix`: what job ids have before their ULID. Returns the rank to continue at.
local function cleanIndex(q, from, idPrefix, before)
  local entries = redis.call('ZRANGE', q.index, from, from + q.limit - 1)
  local kept = 0
  for _, entry in ipairs(entries) do
    local ulid = string.sub(entry, -26)
    local id = idPrefix .. ulid
    -- Of a job that a plain BullMQ producer added, its id stands behind the ULID: `-:<ulid>:<id>`.
    if string.sub(entry, 1, 2) == '-:' and #entry > 29 then ulid, id = string.sub(entry, 3, 28), string.sub(entry, 30) end
    if ulid > before or redis.call('EXISTS', q.jobs .. id) == 1 then
      kept = kept + 1
    else
      redis.call('ZREM', q.index, entry)
    end
  end
  return #entries == 0 and 0 or from + kept
end

