import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { QueueBackpressure } from '../../queue/admission/queue-backpressure.ts'
import type { TenantQuotas } from '../../queue/admission/tenant-quotas.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import type { NewJob } from '../../queue/store/job-queue.ts'
import { Problem } from '../http/problem.ts'

/** When it is worth asking again, in seconds: workers take jobs all the time, memory is freed by ended jobs that are forgotten. */
const retryDepthS = 1
const retryMemoryS = 5
const retryQueuedS = 5

/**
 * Holds tenants to their requests per minute, and says so in the answers: RateLimit and RateLimit-Policy of
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/. A tenant without a limit costs no call.
 */
export function limitRequests(app: FastifyInstance, quotas: TenantQuotas): void {
  app.addHook('onRequest', ({ caller }, reply, done) => {
    const { requests_per_minute: limit } = caller.limits
    if (limit === undefined) return done()
    void holdTo(limit, quotas, caller.tenant, reply, done)
  })
}

async function holdTo(
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
    const detail = `Your tenant may make ${limit} requests per minute.`
    if (used > limit) refusal = new Problem('quota_exceeded', detail, { retryAfterS: resetS })
  } catch (error) {
    refusal = error instanceof Error ? error : new Error(String(error))
  }
  done(refusal)
}

/**
 * Lets a job in that is about to be stored: where its queue and its tenant have room.
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
  const { max_queued: most } = caller.limits
  if (most === undefined || !record.limited || (await quotas.reserve(caller.tenant, ref, most, createdAt))) return
  throw noPlace(reply, most)
}

/**
 * Lets the jobs of a flow in, all or none. What a `map` of it will become is not counted: that is not known yet.
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
  const { max_queued: most } = caller.limits
  if (most === undefined || (await quotas.reserveAll(caller.tenant, refs, most, now))) return
  throw noPlace(reply, most)
}

async function enterQueue(backpressure: QueueBackpressure, queue: string, count: number): Promise<void> {
  const fullness = await backpressure.enter(queue, count)
  if (fullness === 'depth') {
    throw new Problem('queue_full', `The queue ${queue} holds as many jobs as it may.`, { retryAfterS: retryDepthS })
  }
  if (fullness === 'memory') {
    throw new Problem('queue_full', 'Redis has little memory left.', { retryAfterS: retryMemoryS })
  }
}

function noPlace(reply: FastifyReply, most: number): Problem {
  reply.header('ratelimit-policy', `"queued";q=${most}`).header('ratelimit', '"queued";r=0')
  return new Problem('quota_exceeded', `Your tenant may have ${most} jobs waiting.`, { retryAfterS: retryQueuedS })
}
