import type { FastifyRequest } from 'fastify'
import { cancelGraceMs } from '../../jobs/cancel-grace.ts'
import type { HeldBy } from '../../queue/model/held-by.ts'
import type { NewJob } from '../../queue/model/new-job.ts'
import { type AddRefusal, JobRefusedError } from '../../queue/model/scheduling.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { Deduplicated } from '../../queue/model/unique-key.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import { replaceOlder } from '../../queue/store/replace-older.ts'
import { admitJobs, withdrawJobs } from '../access/admission.ts'
import type { Caller } from '../access/api-keys.ts'
import { bodyBytes } from '../access/limit-bodies.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import type { SubmissionKind } from '../submission/submit.ts'
import { awaitedJob, awaitedNewJob } from './awaited-job.ts'
import { jobEvicted, jobNotFound, jobPath, uniqueConflict } from './find-job.ts'
import { jobTiming } from './job-timing.ts'
import { shownJoined } from './shown-joined.ts'

/**
 * How a job is admitted, stored and awaited. `how`: what differs between the routes that submit one; `bytesOf`: what a job was admitted with, where
 * that is not the whole body.
 */
export function jobSubmissions(
  deps: RouteDeps,
  how: Pick<SubmissionKind<NewJob, StoredJob>, 'waitS' | 'claimed'> & { bytesOf?: (request: FastifyRequest) => number },
): SubmissionKind<NewJob, StoredJob> {
  const { queue, hub, idempotency, admission } = deps
  const { bytesOf = bodyBytes, ...kind } = how
  const withdraw = ({ ref }: NewJob, request: FastifyRequest) =>
    withdrawJobs(admission, request.caller, [ref], bytesOf(request))
  return {
    name: 'job',
    ...kind,
    cost: () => 1,
    admit: ({ ref }, request) => admitJobs(admission, request.caller, [ref], bytesOf(request)),
    withdraw,
    joinedBy: (job, request) => joinedWithoutRoom(deps, job, request.caller),
    store: async (job, { known, isReplay, isAwaitedHere }, request) => {
      if (known) return known
      // Under a key another request may store the job, with the channel of another process.
      const asked = isAwaitedHere ? { ...job, replyChannel: hub.replyChannel } : job
      if (!isReplay && !hasKeys(job)) return queue.add(asked)
      const about = { deps, job: asked, caller: request.caller, withdraw: () => withdraw(job, request) }
      const added = await addOrRefuse(about)
      if (added.deduplicated) return resolveShared({ ...about, job }, added, added.deduplicated)
      // Where another request has stored it meanwhile, this add was ignored.
      return isReplay ? queue.read(job.ref, undefined, 'small') : added
    },
    read: (ref) => queue.read(ref, undefined, 'small'),
    keep: (claim, ref) => idempotency.keep(claim, ref),
    awaited: (ref, isAwaitedHere) => (isAwaitedHere ? awaitedNewJob(deps, ref) : awaitedJob(deps, ref)),
    timing: jobTiming,
    queuesOf: (stored) => [stored.queue],
    path: jobPath,
    notFound: jobNotFound,
    mayBeShared: ({ record }) => record.unique !== undefined || record.debounce !== undefined,
    share: (claim, from, to) => idempotency.share(claim, from, to),
    shown: (stored, job, request) => shownJoined(stored, job, request.caller),
    wasEvicted: (ref) => queue.wasEvicted(ref),
    evicted: jobEvicted,
  }
}

/** Whether other jobs decide what becomes of a job. Few have keys. */
const hasKeys = ({ record: { unique, debounce, concurrency, rate } }: NewJob) =>
  unique !== undefined || debounce !== undefined || concurrency !== undefined || rate !== undefined

/** A job that is to be stored. `withdraw` gives back what it was admitted with. */
interface Adding {
  deps: RouteDeps
  job: NewJob
  caller: Caller
  withdraw: () => Promise<void>
}

/** How often a job is added whose key was held by one that was removed right after. */
const maxTries = 3

/** What stands for a submission whose key another job held. @throws Problem `unique_conflict` */
async function resolveShared(
  about: Adding,
  added: StoredJob,
  { how, id, canceled }: Deduplicated,
  triesLeft = maxTries,
): Promise<StoredJob | undefined> {
  const { deps, job, caller, withdraw } = about
  const { queue } = deps
  const { unique } = job.record
  const holder = { queue: job.ref.queue, id }
  if (canceled) {
    // It may be of another type, and have another kind of place.
    const ended = canceled === 'ended' ? await queue.read(holder, undefined, 'small') : undefined
    if (ended) leaveCanceled(deps, ended)
    return added
  }
  if (how === 'joined' && unique?.onConflict === 'reject') {
    await withdraw()
    throw uniqueConflict(id)
  }
  const stored = await queue.read(holder, undefined, 'small')
  const shown = stored && how === 'joined' ? shownJoined(stored, job, caller) : stored
  if (shown) return { ...shown, deduplicated: { how, id } }
  if (triesLeft === 0) return undefined
  const again = await addOrRefuse(about)
  return again.deduplicated ? resolveShared(about, again, again.deduplicated, triesLeft - 1) : again
}

/** The job that a submission joins for which there is no room; undefined: there is none. @throws Problem `unique_conflict` */
async function joinedWithoutRoom({ queue }: RouteDeps, job: NewJob, caller: Caller): Promise<StoredJob | undefined> {
  const { unique } = job.record
  if (!unique || unique.onConflict === 'replace') return undefined
  const id = await queue.holderFor(job)
  if (id === undefined) return undefined
  if (unique.onConflict === 'reject') throw uniqueConflict(id)
  const stored = await queue.read({ queue: job.ref.queue, id }, undefined, 'small')
  return stored && { ...shownJoined(stored, job, caller), deduplicated: { how: 'joined', id } }
}

/** @throws Problem `concurrency_full`, or `quota_exceeded` where too many are held by a key */
async function addOrRefuse({ deps, job, withdraw }: Adding): Promise<StoredJob> {
  try {
    const added = await deps.queue.add(job)
    if (!added.deduplicated && job.record.concurrency?.onFull === 'replace')
      await replaceOlder(
        {
          ...deps,
          graceMsOf: (type) => cancelGraceMs(deps.registry, type),
          onEnded: (older) => leaveCanceled(deps, older),
        },
        added,
      )
    return added
  } catch (error) {
    if (!(error instanceof JobRefusedError)) throw error
    await withdraw()
    throw refusedByKey(error.refusal)
  }
}

/** A job was canceled that had not started. A place that is lost with an error is found later. */
function leaveCanceled({ metrics, quotas, log }: RouteDeps, { id, type, record }: StoredJob): void {
  metrics.jobEnded(type, 'canceled')
  if (!record.limited) return
  quotas.leave(record.tenant, [id]).catch((error: unknown) => log.debug({ err: error }, 'failed to free a place'))
}

function refusedByKey({ why, limit }: AddRefusal): Problem {
  if (why === 'concurrency_full')
    return new Problem(
      'concurrency_full',
      `As many jobs of this concurrency key wait or run as may run at once: ${limit}.`,
    )
  return new Problem('quota_exceeded', 'Too many jobs are held by a key of this job: 10,000.', { retryAfterS: 5 })
}

/** A job that was just added, with what holds its queue; no promise where that is known. */
export function withHeldBy(queue: JobQueue, job: StoredJob): StoredJob | Promise<StoredJob> {
  if (job.state !== 'queued' || job.heldBy) return job
  const { concurrency, rate, maxRunning } = job.record
  if (concurrency || rate || maxRunning !== undefined)
    return queue.read(job, undefined, 'small').then((read) => read ?? job)
  const held = queue.heldBy(job.queue)
  return held instanceof Promise ? held.then((found) => heldSinceAdded(job, found)) : heldSinceAdded(job, held)
}

function heldSinceAdded(job: StoredJob, held: HeldBy | undefined): StoredJob {
  return held ? { ...job, heldBy: { kind: held.kind, since: Math.max(held.since, job.createdAt) } } : job
}
