-- For how many ms an ended job is kept at the latest, as keptForMs in retention.ts has it. Needs labels.lua. `keep`: its own retention or false.
local function keptMs(keep, hasSucceeded, failure, ttlMs, failedTtlMs)
  if keep then return tonumber(keep) end
  return not hasSucceeded and stateOfFailure(failure) == 'failed' and failedTtlMs or ttlMs
end

