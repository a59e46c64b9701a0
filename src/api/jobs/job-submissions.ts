import type { NewJob } from '../../queue/model/new-job.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import { admitJobs, withdrawJobs } from '../access/admission.ts'
import { bodyBytes } from '../access/limit-bodies.ts'
import type { RouteDeps } from '../deps.ts'
import type { SubmissionKind } from '../submission/submit.ts'
import { awaitedJob, awaitedNewJob } from './awaited-job.ts'
import { jobEvicted, jobNotFound, jobPath } from './find-job.ts'
import { jobTiming } from './job-timing.ts'

/** How a job is admitted, stored and awaited. `how`: what differs between the routes that submit one. */
export function jobSubmissions(
  deps: RouteDeps,
  how: Pick<SubmissionKind<NewJob, StoredJob>, 'waitS' | 'claimed'>,
): SubmissionKind<NewJob, StoredJob> {
  const { queue, hub, idempotency, admission } = deps
  return {
    name: 'job',
    ...how,
    cost: () => 1,
    admit: ({ ref }, request) => admitJobs(admission, request.caller, [ref], bodyBytes(request)),
    withdraw: ({ ref }, request) => withdrawJobs(admission, request.caller, [ref]),
    store: async (job, { known, isReplay, isAwaitedHere }) => {
      if (known) return known
      // Under a key another request may store the job, with the channel of another process.
      const added = await queue.add(isAwaitedHere ? { ...job, replyChannel: hub.replyChannel } : job)
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
    wasEvicted: (ref) => queue.wasEvicted(ref),
    evicted: jobEvicted,
  }
}

/** A job that was just added, with what holds its queue. */
export async function withHeldBy(queue: JobQueue, job: StoredJob): Promise<StoredJob> {
  if (job.state !== 'queued' || job.heldBy) return job
  const held = await queue.heldBy(job.queue)
  return held ? { ...job, heldBy: { kind: held.kind, since: Math.max(held.since, job.createdAt) } } : job
}
