import type { FastifyRequest } from 'fastify'
import type { NewJob } from '../../queue/model/new-job.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { Deduplicated } from '../../queue/model/unique-key.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import type { jobSubmissions } from './job-submissions.ts'

/** A submission of a batch: the job to store, or why there is none. */
export type Parsed = NewJob | Problem

/** `deduplicated`: another job stands for the submission, or it took the place of another. */
export type Shown = StoredJob & { deduplicated?: Deduplicated | undefined }

/** Jobs with keys that are handed over at once: what is handed over in one turn goes to Redis in few calls, in its order. */
const storedAtOnce = 100

export const validOf = (parsed: Parsed[]): NewJob[] => parsed.flatMap((job) => (job instanceof Problem ? [] : [job]))

/** Stores the valid ones. One with a key of its own (`unique`, `debounce`, `concurrency`, `rate`) may join another job or be refused; in their order. @throws QueueUnavailableError */
export async function storeAll(
  parsed: Parsed[],
  queue: RouteDeps['queue'],
  kind: ReturnType<typeof jobSubmissions>,
  request: FastifyRequest,
): Promise<(Shown | Problem)[]> {
  const valid = validOf(parsed)
  const isShared = (job: NewJob) =>
    job.record.concurrency !== undefined || job.record.rate !== undefined || kind.mayBeShared?.(job) === true
  const plain = valid.filter((job) => !isShared(job))
  const stored = new Map<NewJob, Shown | Problem>()
  for (const [n, job] of (await queue.addMany(plain)).entries()) stored.set(plain[n] ?? lacksResult(), job)
  const shared = valid.filter(isShared)
  for (let from = 0; from < shared.length; from += storedAtOnce) {
    const some = shared.slice(from, from + storedAtOnce)
    const results = await Promise.all(some.map((job) => storeShared(job, kind, request)))
    for (const [n, job] of some.entries()) stored.set(job, results[n] ?? lacksResult())
  }
  return valid.map((job) => stored.get(job) ?? lacksResult())
}

/** Stores one that may join another job or be refused. @throws QueueUnavailableError */
async function storeShared(
  job: NewJob,
  kind: ReturnType<typeof jobSubmissions>,
  request: FastifyRequest,
): Promise<Shown | Problem> {
  try {
    const added = await kind.store(job, { known: undefined, isReplay: false, isAwaitedHere: false }, request)
    const other = added?.deduplicated
    if (other && !other.canceled && other.id !== job.ref.id) await kind.withdraw(job, request)
    return added ?? new Problem('job_not_found', 'It was deleted meanwhile.')
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
}

export function lacksResult(): never {
  throw new Error('a job of a batch has no result')
}
