import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { maskSecrets } from '../../jobs/secrets.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import { anonymousTenant } from '../../queue/model/job-record.ts'
import type { JobView, Standing } from '../../queue/model/standing.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import { reachableTenant } from '../access/readable-tenant.ts'
import { checkWatchedRun } from '../access/watch.ts'
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

/** Why a job that is not there is not: it was evicted, as far as that is known. @throws QueueUnavailableError */
export async function jobGone(queue: JobQueue, ref: JobRef, tenant: string | undefined): Promise<Problem> {
  return (await queue.wasEvicted(ref, tenant)) ? jobEvicted(ref.id) : jobNotFound(ref.id)
}

/** It gave way before its time. */
export function jobEvicted(id: string): Problem {
  const why = 'Redis was low on memory, or the limit of results was reached'
  return new Problem('job_evicted', `The job "${id}" has ended, and was removed before its time: ${why}.`)
}

/** Another job holds the unique key. */
export function uniqueConflict(id: string): Problem {
  const headers = { location: jobPath(id) }
  return new Problem('unique_conflict', `The job ${id} holds this unique key.`, { headers, job: { job_id: id } })
}

/** Reads the job that a path names, if the request reaches it; `small`: without a large input. @throws Problem `job_not_found`, `job_evicted`, QueueUnavailableError */
export async function findJob(
  queue: JobQueue,
  request: FastifyRequest,
  id: string,
  view: JobView = 'small',
): Promise<StoredJob> {
  const { ref, tenant } = reach(queue, request, id)
  const job = await queue.read(ref, tenant, view)
  if (!job) throw await jobGone(queue, ref, tenant)
  checkWatchedRun(request, job.run)
  return request.routeOptions.config.access === 'read' ? withoutSecrets(job) : job
}

/** … with its place in its queue, for keys without the scope `admin` among the jobs of their tenant. @throws like {@link findJob} */
export async function findExplained(
  queue: JobQueue,
  request: FastifyRequest,
  id: string,
): Promise<{ job: StoredJob; standing: Standing | undefined }> {
  const { ref, tenant } = reach(queue, request, id)
  const isAdmin = request.caller.scopes.has('admin')
  // An admin may read jobs of others.
  const found = await queue.readStanding(ref, tenant, isAdmin || tenant === undefined ? 'all' : 'own')
  if (!found) throw await jobGone(queue, ref, tenant)
  return { ...found, job: withoutSecrets(found.job) }
}

/** @throws Problem `job_not_found` */
function reach(queue: JobQueue, request: FastifyRequest, id: string): { ref: JobRef; tenant: string | undefined } {
  const ref = queue.refOf(id)
  // Jobs of plain BullMQ producers are the anonymous tenant's, and operators read and change them.
  const isPlain = ref?.bullId !== undefined && request.caller.scopes.has('admin')
  if (!ref) throw jobNotFound(id)
  return { ref, tenant: isPlain ? anonymousTenant : reachableTenant(request) }
}

/** What a client reads has no secrets, whatever part of it a route shows. A route that stores the job again must have them. */
function withoutSecrets(job: StoredJob): StoredJob {
  const { record } = job
  if (!record.secrets) return job
  const input = maskSecrets(record.input, record.secrets.input)
  return { ...job, record: { ...record, input }, output: maskSecrets(job.output, record.secrets.output) }
}
