-- include bullmq/lib/tenant-of
-- include bullmq/lib/fair
-- include bullmq/lib/slots
-- include bullmq/lib/queue-job
-- include bullmq/lib/ready
-- include bullmq/lib/recount-slots
-- include bullmq/lib/write-event
-- include bullmq/lib/retention
-- include bullmq/lib/labels
-- include bullmq/lib/values
-- include bullmq/lib/checkpoint
-- include bullmq/lib/slim-job
-- include bullmq/lib/end-job
-- include bullmq/lib/remove-hash
-- include bullmq/lib/remove-one
-- include bullmq/lib/note-evicted
-- include bullmq/lib/kept-ms
-- include bullmq/lib/active-list
-- include bullmq/lib/take-out
-- include bullmq/lib/park
-- include bullmq/sweep/end-overdue
-- include bullmq/sweep/wake-parked
-- include bullmq/sweep/end-canceled
-- include bullmq/sweep/remove-ended
-- include maintenance/sweep/find-owed-webhooks
-- include maintenance/sweep/clean-index
-- include bullmq/lib/claims
-- include maintenance/sweep/clean-claims
--[[
  Does for one queue what no worker does. Two sweeps at once do no harm.
  KEYS: time limits, prioritized, delayed, wait, active, stalled, failed, completed, index, webhook debts, labels, evicted
  ARGV: ms that an ended job is kept, ms that a failed one is, max jobs of each duty, prefix of the job keys, rank in the index at which to look for entries
        without a job, what job ids have before their ULID, ULID below which the job of an entry must exist,
        rank in the index of labels at which to look, cursor in the claims of unique keys
  Returns { { type, failure, id, tenant } of each job ended, how many were removed or moved to a later place, { job key, its idempotency claim, until when an
  evicted job promised it or '', … }, rank in the index to continue at, ids of ended jobs that owe a webhook, { job key, its flow, … } of ended jobs
  that are kept for their flow, rank in the index of labels to continue at, cursor in the claims to continue at, how many claims were removed,
  1 where a recount of limits goes on at the next sweep, else 0, how many rates were removed whose time has passed, how many parked jobs were brought back }
]]
local time = redis.call('TIME')
local q = {
  timeLimits = KEYS[1],
  prioritized = KEYS[2],
  delayed = KEYS[3],
  wait = KEYS[4],
  active = KEYS[5],
  stalled = KEYS[6],
  failed = KEYS[7],
  completed = KEYS[8],
  index = KEYS[9],
  webhookDebts = KEYS[10],
  evicted = KEYS[12],
  jobs = ARGV[4],
  meta = ARGV[4] .. 'meta',
  limit = tonumber(ARGV[3]),
  ttlMs = tonumber(ARGV[1]),
  failedTtlMs = tonumber(ARGV[2]),
  now = time[1] * 1000 + math.floor(time[2] / 1000),
}
local ended = {}
local ready = readyOf(q.jobs)
local isRecounting, passedRates = 0, 0
if ready.slots then
  isRecounting, passedRates = recountSlots(ready, q)
  ready.slots.wake(q.now)
end
if ready.fair then tidyFairness(ready.fair, q) end
if ready.slots or ready.fair then forgetUnused(ready, q) end
endOverdue(q, ended)
local woken = wakeParked(q)
endCanceled(q, ended)
local owed = findOwedWebhooks(q)
local found = removeEnded(q)
local indexFrom = cleanIndex(q, q.index, '^[^:]*:', tonumber(ARGV[5]), ARGV[6], ARGV[7])
local labelsFrom = cleanIndex(q, KEYS[11], '^[^:]*:[^:]*:', tonumber(ARGV[8]), ARGV[6], ARGV[7])
local claimsFrom, claims = cleanClaims(q, ARGV[9])
return { ended, found.removed + found.moved, found.claims, indexFrom, owed, found.ofFlows, labelsFrom, claimsFrom, claims, isRecounting, passedRates, woken }
