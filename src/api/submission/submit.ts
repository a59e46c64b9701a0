import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { hopsHeader, maxHops } from '../../jobs/hops.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import type { Claim } from '../../queue/store/idempotency-keys.ts'
import type { RouteDeps } from '../deps.ts'
import { idempotencyKey } from '../http/idempotency-key.ts'
import { preferredWaitS } from '../http/prefer-header.ts'
import { Problem, type ProblemCode } from '../http/problem.ts'
import { type Awaited, waitIfPreferred } from '../http/wait-until-done.ts'
import { preferParameter, waitHeaders } from '../openapi/waiting.ts'

type HeldClaim = Exclude<Claim, { status: 'conflict' }>

/** A job or a flow that is about to be stored: what differs between the two. */
export interface Submission<T extends { done: boolean }> {
  kind: 'job' | 'flow'
  /** Under which it is stored, unless its idempotency key stands for an earlier request. */
  ref: JobRef
  /** The queues whose workers it needs. */
  queuesOf(stored: T): string[]
  /** @throws Problem when there is no room for it */
  admit(ref: JobRef): Promise<void>
  /** Stores it, or completes what is `known` to be stored. Of two under one `ref` the first counts. */
  store(ref: JobRef, how: { known: T | undefined; isAwaitedHere: boolean }): Promise<T | undefined>
  read(ref: JobRef): Promise<T | undefined>
  /** Keeps the claim of the key for as long as what was stored. */
  keep(claim: HeldClaim, ref: JobRef): Promise<void>
  /** `isAwaitedHere`: this request waits for it, and no other request can have stored it. */
  awaited(ref: JobRef, isAwaitedHere: boolean): Awaited<T>
  path(id: string): string
  notFound(id: string): Problem
}

/**
 * Stores a job or a flow once, however often it is sent under one idempotency key, and waits for it when the request prefers that.
 * Sets the status and all headers of the answer.
 *
 * @throws Problem
 */
export async function submit<T extends { done: boolean }>(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: Pick<RouteDeps, 'idempotency' | 'queue' | 'closing'>,
  submission: Submission<T>,
): Promise<T> {
  const claim = await claimKey(request, deps, submission.ref)
  const waitS = preferredWaitS(request.headers['prefer'])
  const isAwaitedHere = waitS !== undefined && !claim
  const isReplay = claim?.status === 'replay'
  const ref = isReplay ? claim.ref : submission.ref
  const store = async () => {
    // The first request under a key may have died before it stored all, or be about to store it: what is missing is added.
    const known = isReplay ? await submission.read(ref) : undefined
    if (!known) await submission.admit(ref)
    const stored = await submission.store(ref, { known, isAwaitedHere })
    if (!claim) return stored
    if (!stored) {
      const detail = `The ${submission.kind} of this Idempotency-Key is being deleted: try again.`
      throw new Problem('queue_unavailable', detail, { retryAfterS: 1 })
    }
    await submission.keep(claim, ref)
    return stored
  }
  const value = await waitIfPreferred(waitS, reply, deps.closing, submission.awaited(ref, isAwaitedHere), store)
  // It has ended, and was deleted during the wait.
  if (!value) throw submission.notFound(ref.id)
  reply.header('location', submission.path(ref.id))
  if (isReplay) reply.header('idempotent-replayed', 'true')
  if (!value.done)
    await warnOfIdleQueues(request, reply, deps, submission.queuesOf(value), { [submission.kind]: ref.id })
  reply.code(waitS !== undefined && value.done ? 200 : 202)
  return value
}

/**
 * Claims the request's idempotency key for `ref`.
 *
 * @returns undefined when the request has no key
 * @throws Problem
 */
async function claimKey(
  request: FastifyRequest,
  { idempotency }: Pick<RouteDeps, 'idempotency'>,
  ref: JobRef,
): Promise<HeldClaim | undefined> {
  const key = idempotencyKey(request.headers['idempotency-key'])
  if (key === undefined) return undefined
  const claim = await idempotency.claim(request.caller.tenant, key, request.body, ref)
  if (claim.status !== 'conflict') return claim
  const detail = 'This Idempotency-Key was already used with a different body: use a new key for a new request.'
  throw new Problem('idempotency_key_reused', detail)
}

/** What was accepted waits until there is a worker. The client may want to alert somebody (RFC 7234, section 5.5). */
async function warnOfIdleQueues(
  request: FastifyRequest,
  reply: FastifyReply,
  { queue }: Pick<RouteDeps, 'queue'>,
  queues: string[],
  logged: Record<string, string>,
): Promise<void> {
  const idle: string[] = []
  for (const name of queues) if (!(await queue.isConsumed(name))) idle.push(name)
  if (idle.length === 0) return
  const warnings = idle.map((name) => `199 drover "no worker consumes the queue ${name} at the moment"`)
  reply.header('warning', warnings.join(', '))
  request.log.warn({ ...logged, queues: idle }, 'accepted a submission to a queue without workers')
}

/** The documented request headers of a submission. */
export function submissionHeaders(kind: 'job' | 'flow') {
  return z.object({
    prefer: preferParameter(kind),
    'idempotency-key': z
      .string()
      .optional()
      .describe(`Requests with the same key and body are stored as one ${kind}, however often they are sent`),
    traceparent: z.string().optional().describe('W3C Trace Context; stored with each job'),
    [hopsHeader]: z
      .string()
      .optional()
      .describe(`Set by requests of jobs and by webhooks. More than ${maxHops}: 400 \`too_many_hops\``),
  })
}

/** The documented headers of the answers with the status 200 (it was waited for, and is done) and 202. */
export function submittedHeaders(kind: 'job' | 'flow') {
  const done = {
    ...waitHeaders(kind),
    'idempotent-replayed': `\`true\`: the key was used before, and this is its ${kind}`,
  }
  return { done, accepted: { ...done, warning: '`199`: no worker consumes the queue at the moment' } }
}

/** The problems of every submission. */
export const submissionProblems = [
  'too_many_hops',
  'unknown_job_type',
  'idempotency_key_reused',
  'payload_too_large',
  'too_many_members',
  'unsupported_media_type',
  'queue_full',
  'queue_unavailable',
] as const satisfies ProblemCode[]
