import type { FastifyRequest } from 'fastify'
import type { NewJob } from '../../queue/model/new-job.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { Deduplicated } from '../../queue/model/unique-key.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { jobGone } from './find-job.ts'
import type { jobSubmissions } from './job-submissions.ts'

/** A submission of a batch: the job to store, or why there is none. */
export type Parsed = NewJob | Problem

/** `deduplicated`: another job stands for the submission, or it took the place of another. */
export type Shown = StoredJob & { deduplicated?: Deduplicated | undefined }

export const validOf = (parsed: Parsed[]): NewJob[] => parsed.flatMap((job) => (job instanceof Problem ? [] : [job]))

/** Stores the valid ones. One with a key of its own (`unique`, `debounce`, `concurrency`, `rate`) may join another job or be refused, and is stored by itself. @throws QueueUnavailableError */
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
  for (const job of valid.filter(isShared)) {
    try {
      const added = await kind.store(job, { known: undefined, isReplay: false, isAwaitedHere: false }, request)
      const other = added?.deduplicated
      if (other && !other.canceled && other.id !== job.ref.id) await kind.withdraw(job, request)
      stored.set(job, added ?? new Problem('job_not_found', 'It was deleted meanwhile.'))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      stored.set(job, error)
    }
  }
  return valid.map((job) => stored.get(job) ?? lacksResult())
}

export function lacksResult(): never {
  throw new Error('a job of a batch has no result')
}

/** The jobs of an earlier request, as they are now. @throws QueueUnavailableError */
export async function readAll(
  parsed: Parsed[],
  { queue }: Pick<RouteDeps, 'queue'>,
  tenant: string,
): Promise<(Shown | Problem)[]> {
  const refs = validOf(parsed).map(({ ref }) => ref)
  const found: (Shown | Problem)[] = []
  for await (const { ref, job } of queue.readMany(refs)) found.push(job ?? (await jobGone(queue, ref, tenant)))
  return found
}
