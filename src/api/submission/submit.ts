import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { hopsHeader, maxHops } from '../../jobs/hops.ts'
import type { HeldBy } from '../../queue/model/held-by.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import type { Deduplicated } from '../../queue/model/unique-key.ts'
import type { Claim } from '../../queue/store/idempotency-keys.ts'
import type { RouteDeps } from '../deps.ts'
import { idempotencyKey, idempotencyKeyPattern } from '../http/idempotency-key.ts'
import { preferredWaitS } from '../http/prefer-header.ts'
import { Problem, type ProblemCode } from '../http/problem.ts'
import { serverTiming, type Timing } from '../http/server-timing.ts'
import { type Awaited, waitWithHeader } from '../http/wait-until-done.ts'
import { preferParameter, timingHeader, waitHeaders } from '../openapi/waiting.ts'
import { logHeldQueue } from './log-held-queue.ts'
import { published } from './published.ts'

type HeldClaim = Extract<Claim, { status: 'first' | 'replay' }>

/** What is stored; `deduplicated`: what became of the submission where another job had its key. */
interface Submitted {
  done: boolean
  deduplicated?: Deduplicated | undefined
}

/** What differs between jobs and flows. `S` is what was submitted, `T` what is stored. Made once: a request costs no closures. */
export interface SubmissionKind<S extends { ref: JobRef }, T extends Submitted> {
  name: 'job' | 'flow'
  /** How long the answer may wait for its end; undefined: it does not wait. */
  waitS(request: FastifyRequest): number | undefined
  /** What an idempotency key stands for: a request under the same key that differs in it is refused. */
  claimed(request: FastifyRequest): unknown
  /** As how many requests it counts. */
  cost(submitted: S): number
  /** Takes the places of its jobs, without a promise where that is done at once. @throws Problem when there is no room for it */
  admit(submitted: S, request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined
  /** What it joins, so that it needs no room: asked where there is none. @throws Problem where it may not */
  joinedBy?(submitted: S, request: FastifyRequest): Promise<T | undefined>
  /** Gives back the places of what was admitted and is not stored. */
  withdraw(submitted: S, request: FastifyRequest): Promise<void>
  /** Stores it, or completes what is `known` to be stored. Of two under one `ref` the first counts. */
  store(
    submitted: S,
    how: { known: T | undefined; isReplay: boolean; isAwaitedHere: boolean },
    request: FastifyRequest,
  ): Promise<T | undefined>
  read(ref: JobRef): Promise<T | undefined>
  /** Keeps the claim of the key for as long as what was stored. */
  keep(claim: HeldClaim, ref: JobRef): Promise<void>
  /** `isAwaitedHere`: this request waits for it, and no other request can have stored it. */
  awaited(ref: JobRef, isAwaitedHere: boolean): Awaited<T>
  /** Whether another one may stand for it. */
  mayBeShared?(submitted: S): boolean
  /** From now on a claim stands for another one. */
  share?(claim: HeldClaim, from: JobRef, to: JobRef): Promise<void>
  /** What the client may see of another one that stands for it. */
  shown?(stored: T, submitted: S, request: FastifyRequest): T
  /** The queues whose workers it needs. */
  queuesOf(stored: T): string[]
  /** Its times, once it has ended. */
  timing(ended: T): Timing
  path(id: string): string
  notFound(id: string): Problem
  /** Whether it has ended and was evicted, as far as that is known. */
  wasEvicted(ref: JobRef): Promise<boolean>
  evicted(id: string): Problem
}

/**
 * Stores a job or a flow once, however often it is sent under one idempotency key, and waits for it when the request prefers that.
 * Sets the status and all headers of the answer.
 *
 * @param given has the `ref` under which it is stored, unless its key stands for an earlier request
 * @throws Problem
 */
export async function submit<S extends { ref: JobRef }, T extends Submitted>(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: Pick<RouteDeps, 'idempotency' | 'queue' | 'closing' | 'holds'>,
  kind: SubmissionKind<S, T>,
  given: S,
): Promise<T> {
  const waitS = kind.waitS(request)
  // Before the claim: a request that may not wait leaves nothing behind.
  const hold = waitS === undefined ? undefined : deps.holds.open('wait', request, reply)
  const key = idempotencyKey(request.headers['idempotency-key'])
  // As most are.
  if (waitS === undefined && key === undefined && !kind.mayBeShared?.(given))
    return submitAlone(request, reply, deps, kind, given)
  const claimed = key === undefined ? undefined : await admitAndClaim(request, reply, deps, kind, { key, given })
  const claim = claimed?.claim
  const isReplay = claim?.status === 'replay'
  const submitted = isReplay ? { ...given, ref: claim.ref } : given
  const mayBeShared = kind.mayBeShared?.(submitted) ?? false
  const isAwaitedHere = waitS !== undefined && !claim && !mayBeShared
  // Of what stands for the request.
  let { ref } = submitted
  let how: Deduplicated['how'] | undefined
  const begin = async () => {
    // The first request under a key may have died before it stored all, or be about to store it: what is missing is added.
    const known = isReplay ? await kind.read(ref) : undefined
    // To store it anew would run it again.
    if (isReplay && !known && (await kind.wasEvicted(ref))) throw kind.evicted(ref.id)
    const isToAdmit = !known && claim?.status !== 'first'
    const joined = isToAdmit ? await admitOrJoin(kind, submitted, request, reply) : claimed?.joined
    const stored = joined ?? (await kind.store(submitted, { known, isReplay, isAwaitedHere }, request))
    how = stored?.deduplicated?.how
    if (stored && standsFor(stored)) {
      if (!joined) await kind.withdraw(submitted, request)
      const other = { ...ref, id: standsFor(stored) ?? ref.id }
      if (claim) await kind.share?.(claim, ref, other)
      ref = other
    } else if (claim) await keepClaim(kind, claim, ref, stored)
    // The first request under its key has published it.
    if (!isReplay) request.publishing?.end(published(kind.name, ref))
    // Now: where the wait ends with its key, the client still learns what it stored.
    reply.header('location', kind.path(ref.id))
    return stored
  }
  // Which one is waited for is known when it is stored.
  const first = mayBeShared ? await begin() : undefined
  const start = mayBeShared ? async () => first : begin
  const value =
    waitS === undefined || !hold
      ? await start()
      : await waitWithHeader(waitS, reply, { closing: deps.closing, hold }, kind.awaited(ref, isAwaitedHere), start)
  // It has ended, and was deleted during the wait.
  if (!value) throw kind.notFound(ref.id)
  if (isReplay) reply.header('idempotent-replayed', 'true')
  if (how) reply.header('deduplicated', how)
  if (!value.done) for (const name of kind.queuesOf(value)) await warnIfHeld(request, reply, deps, name)
  const isWaitedFor = waitS !== undefined && value.done
  if (isWaitedFor) reply.header('server-timing', serverTiming(kind.timing(value)))
  reply.code(isWaitedFor || how ? 200 : 202)
  // What a repeated request gets may be the job of another one.
  const mayBeOthers = how === 'joined' || (isReplay && mayBeShared)
  return mayBeOthers ? (kind.shown?.(value, submitted, request) ?? value) : value
}

/** {@link submit} of what nobody waits for, and nothing else can stand for: a promise less for each step. */
async function submitAlone<S extends { ref: JobRef }, T extends Submitted>(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: Pick<RouteDeps, 'queue'>,
  kind: SubmissionKind<S, T>,
  given: S,
): Promise<T> {
  const { ref } = given
  const admitting = kind.admit(given, request, reply)
  if (admitting) await admitting
  const stored = await kind.store(given, alone, request)
  request.publishing?.end(published(kind.name, ref))
  if (!stored) throw kind.notFound(ref.id)
  reply.header('location', kind.path(ref.id))
  if (!stored.done)
    for (const name of kind.queuesOf(stored)) {
      const warning = warnIfHeld(request, reply, deps, name)
      if (warning) await warning
    }
  reply.code(202)
  return stored
}

const alone = { known: undefined, isReplay: false, isAwaitedHere: false }

/** Takes the places of its jobs; where there is no room, looks for what it joins, which is the result then. @throws Problem */
async function admitOrJoin<S extends { ref: JobRef }, T extends Submitted>(
  kind: Pick<SubmissionKind<S, T>, 'admit' | 'joinedBy'>,
  given: S,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<T | undefined> {
  try {
    await kind.admit(given, request, reply)
    return undefined
  } catch (refusal) {
    const joined = refusal instanceof Problem ? await kind.joinedBy?.(given, request) : undefined
    if (!joined) throw refusal
    return joined
  }
}

/** The id of another one that stands for a submission; undefined where it was stored itself. */
function standsFor({ deduplicated }: Submitted): string | undefined {
  return deduplicated && !deduplicated.canceled ? deduplicated.id : undefined
}

/**
 * Claims an idempotency key for what was submitted, once there is room for it: a refusal leaves no claim. Nor is a claim ever given up
 * for a refusal, since another request may be about to store a job under it. What stands for an earlier request needs no room.
 *
 * @throws Problem
 */
async function admitAndClaim<S extends { ref: JobRef }, T extends Submitted>(
  request: FastifyRequest,
  reply: FastifyReply,
  { idempotency }: Pick<RouteDeps, 'idempotency'>,
  kind: Pick<SubmissionKind<S, T>, 'claimed' | 'cost' | 'admit' | 'joinedBy' | 'withdraw' | 'evicted'>,
  { key, given }: { key: string; given: S },
): Promise<{ claim: HeldClaim; joined?: T | undefined }> {
  const { tenant, limits } = request.caller
  const claimed = kind.claimed(request)
  const find = () => idempotency.find(tenant, key, claimed)
  // A replay counts as one request.
  const isCharged = limits.requests_per_minute !== undefined && kind.cost(given) > 1
  const earlier = isCharged ? await find() : undefined
  if (earlier) return { claim: usable(earlier, kind) }
  let joined: T | undefined
  try {
    await kind.admit(given, request, reply)
  } catch (refusal) {
    const replayed = refusal instanceof Problem ? await find() : undefined
    if (replayed) return { claim: usable(replayed, kind) }
    joined = refusal instanceof Problem ? await kind.joinedBy?.(given, request) : undefined
    if (!joined) throw refusal
  }
  const claim = await idempotency.claim(tenant, key, claimed, given.ref)
  if (claim.status !== 'first' && !joined) await kind.withdraw(given, request)
  return { claim: usable(claim, kind), ...(claim.status === 'first' && { joined }) }
}

/** @throws Problem `idempotency_key_reused`, or that the job of the key was evicted: to store it anew would run it again */
function usable(claim: Claim, kind: { evicted(id: string): Problem }): HeldClaim {
  if (claim.status === 'evicted') throw kind.evicted(claim.ref.id)
  if (claim.status !== 'conflict') return claim
  const detail = 'This Idempotency-Key was already used with a different body: use a new key for a new request.'
  throw new Problem('idempotency_key_reused', detail)
}

async function keepClaim(
  kind: Pick<SubmissionKind<{ ref: JobRef }, { done: boolean }>, 'name' | 'keep'>,
  claim: HeldClaim,
  ref: JobRef,
  stored: unknown,
): Promise<void> {
  if (stored) return kind.keep(claim, ref)
  const detail = `The ${kind.name} of this Idempotency-Key is being deleted: try again.`
  throw new Problem('queue_unavailable', detail, { retryAfterS: 1 })
}

/** Says in the answer and in the log that the jobs of a queue do not start; a promise where that is not known yet. */
function warnIfHeld(
  request: FastifyRequest,
  reply: FastifyReply,
  { queue }: Pick<RouteDeps, 'queue'>,
  name: string,
): Promise<void> | undefined {
  const warn = (held: HeldBy | undefined): undefined => {
    if (!held) return
    warnOfHeldQueue(reply, name, held)
    logHeldQueue(request.log, queue, name, held)
  }
  const held = queue.heldBy(name)
  return held instanceof Promise ? held.then(warn) : warn(held)
}

/** What was accepted waits although its time has come. The client may want to alert somebody (RFC 7234, section 5.5). */
function warnOfHeldQueue(reply: FastifyReply, name: string, { kind }: HeldBy): void {
  const before = reply.getHeader('warning')
  const why = kind === 'paused' ? `the queue ${name} is paused` : `no worker consumes the queue ${name} at the moment`
  const warning = `199 drover "${why}"`
  reply.header('warning', before === undefined ? warning : `${String(before)}, ${warning}`)
}

/** A submission that waits when its `Prefer` header says so, and whose body is what its key stands for. */
export const byBodyAndPrefer = {
  waitS: ({ headers }: FastifyRequest) => preferredWaitS(headers['prefer']),
  claimed: ({ body }: FastifyRequest) => body,
}

/** The documented request headers of a submission. `mayBeMinimal`: its answer may be short. */
export function submissionHeaders(kind: 'job' | 'flow', mayBeMinimal = false) {
  return z.object({
    prefer: preferParameter(kind, mayBeMinimal),
    'idempotency-key': z
      .string()
      .regex(idempotencyKeyPattern)
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
  return {
    done: {
      ...done,
      ...timingHeader,
      ...(kind === 'job' && {
        deduplicated:
          '`joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission',
      }),
    },
    accepted: { ...done, warning: '`199`: the queue is paused, or no worker consumes it at the moment' },
  }
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
  'redis_full',
  'queue_unavailable',
] as const satisfies ProblemCode[]
