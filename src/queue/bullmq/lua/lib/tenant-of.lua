-- The tenant of a job's record, which begins with its version and its tenant: the rest, which may be large, is not parsed.
local function tenantOf(data)
  return string.match(data or '', '^{"v":%d+,"tenant":"([^"]+)"') or '-'
end

