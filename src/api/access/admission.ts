import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Admission, describeRefusal, type Refusal } from '../../queue/admission/admission.ts'
import type { TenantQuotas } from '../../queue/admission/tenant-quotas.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import { Problem } from '../http/problem.ts'
import type { Caller } from './api-keys.ts'

/** Seconds until the next try: workers start jobs all the time. */
const retryDepthS = 1
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
    const { used, resetMs, isWithin } = await quotas.countRequest(tenant, limit)
    const resetS = Math.ceil(resetMs / 1000)
    reply.header('ratelimit-policy', `"requests";q=${limit};w=60`)
    reply.header('ratelimit', `"requests";r=${Math.max(0, limit - used)};t=${resetS}`)
    const detail = `Your tenant is limited to ${limit} requests per minute.`
    if (!isWithin) refusal = new Problem('quota_exceeded', detail, { retryAfterS: resetS })
  } catch (error) {
    refusal = error instanceof Error ? error : new Error(String(error))
  }
  done(refusal)
}

/**
 * Counts a request that makes several jobs waiting as that many requests. The first was counted when it arrived.
 *
 * @throws Problem `quota_exceeded`, QueueUnavailableError
 */
export async function chargeRequests(
  quotas: TenantQuotas,
  { tenant, limits }: Caller,
  reply: FastifyReply,
  jobs: number,
): Promise<void> {
  const { requests_per_minute: limit } = limits
  if (limit === undefined || jobs < 2) return
  const { used, resetMs, isWithin } = await quotas.countRequest(tenant, limit, jobs - 1)
  const resetS = Math.ceil(resetMs / 1000)
  reply.header('ratelimit', `"requests";r=${Math.max(0, limit - used)};t=${resetS}`)
  if (isWithin) return
  const detail = `It counts as ${jobs} requests, one for each job, and your tenant is limited to ${limit} per minute.`
  throw new Problem('quota_exceeded', detail, { retryAfterS: resetS })
}

/**
 * Admits jobs of the caller that are about to become waiting, all or none; most at once, without a promise.
 *
 * @param bytes about how many their inputs add to Redis
 * @throws Problem `queue_full`, `redis_full` or `quota_exceeded`, QueueUnavailableError
 */
export function admitJobs(
  admission: Admission,
  { tenant, limits }: Caller,
  refs: JobRef[],
  bytes: number,
): Promise<void> | undefined {
  const deciding = admission.admit({
    tenant,
    limit: limits.max_queued,
    maxBytes: limits.max_bytes,
    refs,
    bytes,
  })
  return deciding && untilAdmitted(deciding)
}

async function untilAdmitted(deciding: Promise<Refusal | undefined>): Promise<void> {
  const refusal = await deciding
  if (refusal) throw refused(refusal)
}

/** Gives back what jobs took that were admitted with these `bytes` and are not stored. @throws QueueUnavailableError */
export function withdrawJobs(
  admission: Admission,
  { tenant, limits }: Caller,
  refs: JobRef[],
  bytes: number,
): Promise<void> {
  return admission.withdraw({ tenant, limit: limits.max_queued, maxBytes: limits.max_bytes, refs, bytes })
}

function refused(refusal: Refusal): Problem {
  const detail = describeRefusal(refusal)
  if (refusal.reason === 'depth') return new Problem('queue_full', detail, { retryAfterS: retryDepthS })
  if (refusal.reason === 'memory') return new Problem('redis_full', detail, { retryAfterS: refusal.retryAfterS })
  const name = refusal.of === 'jobs' ? 'queued' : 'bytes'
  const headers = { 'ratelimit-policy': `"${name}";q=${refusal.limit}`, ratelimit: `"${name}";r=0` }
  return new Problem('quota_exceeded', detail, { retryAfterS: retryQueuedS, headers })
}
