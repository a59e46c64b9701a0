-- Writes to BullMQ's event stream of a queue what happens to a job, for BullMQ's own tools, where that is switched on: `drover.events`.
-- `prefix`: of the queue's keys.
local function writeEvent(prefix, ...)
  local isOn, max = unpack(redis.call('HMGET', prefix .. 'meta', 'drover.events', 'opts.maxLenEvents'))
  if isOn then redis.call('XADD', prefix .. 'events', 'MAXLEN', '~', max or 10000, '*', 'event', ...) end
end

