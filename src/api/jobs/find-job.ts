import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { anonymousTenant } from '../../queue/model/job-record.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import { Problem } from '../http/problem.ts'

/** The path parameter of every route below `/v1/jobs/{id}`. */
export const jobParams = z.object({ id: z.string() })

/** Where a job can be read. */
export function jobPath(id: string): string {
  return `/v1/jobs/${id}`
}

/** A malformed id and an unknown one get the same answer. */
export function jobNotFound(id: string): Problem {
  return new Problem('job_not_found', `There is no job "${cutText(id, 100)}": it never existed, or it has expired.`)
}

/** Reads the caller's job that a path names. @throws Problem `job_not_found`, QueueUnavailableError */
export async function findJob(queue: JobQueue, request: FastifyRequest, id: string): Promise<StoredJob> {
  const ref = queue.refOf(id)
  const { tenant, scopes } = request.caller
  // Jobs of plain BullMQ producers are the anonymous tenant's, and visible to operators.
  const owner = ref?.bullId !== undefined && scopes.has('admin') ? anonymousTenant : tenant
  const job = ref && (await queue.read(ref, owner))
  if (!job) throw jobNotFound(id)
  return job
}
