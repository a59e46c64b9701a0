-- Removes entries of an index whose job was never stored, or is gone, from rank `from` on: an entry is written just before its job. Entries
-- above the ULID `before` are too young to tell. `head`: pattern of what an entry has before its ULID, `idPrefix`: what job ids have there.
-- Returns the rank to continue at.
local function cleanIndex(q, index, head, from, idPrefix, before)
  local entries = redis.call('ZRANGE', index, from, from + q.limit - 1)
  local kept = 0
  for _, entry in ipairs(entries) do
    -- Of a job that a plain BullMQ producer added, its id stands behind the ULID: `<ulid>:<id>`.
    local place = string.gsub(entry, head, '')
    local ulid, bullId = string.sub(place, 1, 26), string.sub(place, 28)
    if ulid > before or redis.call('EXISTS', q.jobs .. (bullId == '' and idPrefix .. ulid or bullId)) == 1 then
      kept = kept + 1
    else
      redis.call('ZREM', index, entry)
    end
  end
  return #entries < q.limit and 0 or from + kept
end

