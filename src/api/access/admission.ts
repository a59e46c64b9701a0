import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { QueueBackpressure } from '../../queue/admission/queue-backpressure.ts'
import type { TenantQuotas } from '../../queue/admission/tenant-quotas.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import type { NewJob } from '../../queue/model/new-job.ts'
import { Problem } from '../http/problem.ts'

/** Seconds until the next try: workers start jobs all the time, while memory is freed only when finished jobs expire. */
const retryDepthS = 1
const retryMemoryS = 5
const retryQueuedS = 5

/**
 * Enforces the requests per minute of tenants, and adds RateLimit and RateLimit-Policy to their answers
 * (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/). A tenant without a limit costs no call to Redis.
 */
export function limitRequests(app: FastifyInstance, quotas: TenantQuotas): void {
  app.addHook('onRequest', ({ caller }, reply, done) => {
    const { requests_per_minute: limit } = caller.limits
    if (limit === undefined) return done()
    void enforceLimit(limit, quotas, caller.tenant, reply, done)
  })
}

async function enforceLimit(
  limit: number,
  quotas: TenantQuotas,
  tenant: string,
  reply: FastifyReply,
  done: (refusal?: Error) => void,
): Promise<void> {
  let refusal: Error | undefined
  try {
    const { used, resetMs } = await quotas.countRequest(tenant, limit)
    const resetS = Math.ceil(resetMs / 1000)
    reply.header('ratelimit-policy', `"requests";q=${limit};w=60`)
    reply.header('ratelimit', `"requests";r=${Math.max(0, limit - used)};t=${resetS}`)
    const detail = `Your tenant is limited to ${limit} requests per minute.`
    if (used > limit) refusal = new Problem('quota_exceeded', detail, { retryAfterS: resetS })
  } catch (error) {
    refusal = error instanceof Error ? error : new Error(String(error))
  }
  done(refusal)
}

/**
 * Admits a job that is about to be stored, where its queue and its tenant have room.
 *
 * @throws Problem `queue_full` or `quota_exceeded`, QueueUnavailableError
 */
export async function admitJob(
  { backpressure, quotas }: { backpressure: QueueBackpressure; quotas: TenantQuotas },
  { caller }: FastifyRequest,
  reply: FastifyReply,
  { ref, record, createdAt }: NewJob,
): Promise<void> {
  await enterQueue(backpressure, ref.queue, 1)
  const { max_queued: limit } = caller.limits
  if (limit === undefined || !record.limited || (await quotas.reserve(caller.tenant, ref, limit, createdAt))) return
  throw queuedLimitReached(reply, limit)
}

/**
 * Admits the jobs of a flow, all or none. Jobs that a `map` expands to later are not counted.
 *
 * @throws Problem `queue_full` or `quota_exceeded`, QueueUnavailableError
 */
export async function admitFlow(
  { backpressure, quotas }: { backpressure: QueueBackpressure; quotas: TenantQuotas },
  { caller }: FastifyRequest,
  reply: FastifyReply,
  refs: JobRef[],
  now: number,
): Promise<void> {
  for (const [queue, some] of Map.groupBy(refs, (ref) => ref.queue)) await enterQueue(backpressure, queue, some.length)
  const { max_queued: limit } = caller.limits
  if (limit === undefined || (await quotas.reserveAll(caller.tenant, refs, limit, now))) return
  throw queuedLimitReached(reply, limit)
}

async function enterQueue(backpressure: QueueBackpressure, queue: string, count: number): Promise<void> {
  const fullness = await backpressure.enter(queue, count)
  if (fullness === 'depth') {
    throw new Problem('queue_full', `The queue ${queue} has reached its limit of waiting jobs.`, {
      retryAfterS: retryDepthS,
    })
  }
  if (fullness === 'memory') {
    throw new Problem('queue_full', 'Redis is low on memory.', { retryAfterS: retryMemoryS })
  }
}

function queuedLimitReached(reply: FastifyReply, limit: number): Problem {
  reply.header('ratelimit-policy', `"queued";q=${limit}`).header('ratelimit', '"queued";r=0')
  return new Problem('quota_exceeded', `Your tenant is limited to ${limit} waiting jobs.`, {
    retryAfterS: retryQueuedS,
  })
}
