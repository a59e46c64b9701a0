-- Sorted set of jobs that are kept for a shorter time than others of their set, by when to look at them: those with a retention of their own from
-- when they are added, canceled and expired ones, which are among the failed, from their end. `prefix`: of the job keys.
local function retentionKey(prefix)
  return string.match(prefix, '^.*}') .. ':retention'
end

