import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { Hold } from '../http/hold.ts'
import { Problem } from '../http/problem.ts'
import type { ApiKeys, Caller } from './api-keys.ts'
import type { Scope } from './keys-file.ts'

/** A stream is an answer that is written piece by piece; a wait is one that is sent when a job or flow is done. */
export type HoldKind = 'stream' | 'wait'

const limits = {
  stream: { field: 'max_streams', name: 'streams', things: 'open streams', retryAfterS: 5 },
  wait: { field: 'max_waits', name: 'waits', things: 'waits at once', retryAfterS: 1 },
} as const

/** A key that was removed from its file, or has expired, ends its streams and waits within about twice this time. */
const checkEveryMs = 1000
/** So many answers end in one turn of the event loop: thousands at once would block it. */
const endedAtOnce = 100

/**
 * The streams and waits that are open in this process. A tenant has no more of them than its limits allow, and each ends when its key does:
 * nobody watches with a key that was revoked.
 */
export class HeldAnswers {
  readonly #byCaller = new Map<Caller, Set<OpenHold>>()
  readonly #counts = { stream: new Map<string, number>(), wait: new Map<string, number>() }
  readonly #onRevoked: (kind: HoldKind) => void
  readonly #keys: ApiKeys | undefined
  #timer: NodeJS.Timeout | undefined
  #isChecking = false

  /** Call {@link stop} when done. `onRevoked` is called for each answer that ends with its key. */
  constructor(keys: ApiKeys | undefined, onRevoked: (kind: HoldKind) => void) {
    this.#onRevoked = onRevoked
    this.#keys = keys
    if (keys) this.#check()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** How many are open. */
  count(kind: HoldKind): number {
    return this.#counts[kind].values().reduce((total, count) => total + count, 0)
  }

  /** Opens a stream or a wait for the client of a request. It counts until the answer has closed. @throws Problem `quota_exceeded` */
  open(kind: HoldKind, { caller, routeOptions }: FastifyRequest, reply: FastifyReply): Hold {
    const { field, name, things, retryAfterS } = limits[kind]
    const { [field]: max } = caller.limits
    const counts = this.#counts[kind]
    const count = counts.get(caller.tenant) ?? 0
    if (max !== undefined && count >= max) {
      reply.header('ratelimit-policy', `"${name}";q=${max}`).header('ratelimit', `"${name}";r=0`)
      throw new Problem('quota_exceeded', `Your tenant is limited to ${max} ${things}.`, { retryAfterS })
    }
    counts.set(caller.tenant, count + 1)
    // A watch token ends also where there are no keys.
    if (caller.expiresAt !== undefined) this.#check()
    const { access } = routeOptions.config
    // What an admin reads may be of another tenant.
    const needs = [...caller.scopes].filter((scope) => scope === access || scope === 'admin')
    const hold = new OpenHold(kind, needs)
    reply.raw.once('close', () => this.#remove(caller, hold))
    const ofCaller = this.#byCaller.get(caller)
    if (ofCaller) ofCaller.add(hold)
    else this.#byCaller.set(caller, new Set([hold]))
    return hold
  }

  #check(): void {
    this.#timer ??= setInterval(() => void this.#endRevoked(), checkEveryMs)
  }

  #remove(caller: Caller, hold: OpenHold): void {
    const ofCaller = this.#byCaller.get(caller)
    ofCaller?.delete(hold)
    if (ofCaller?.size === 0) this.#byCaller.delete(caller)
    const counts = this.#counts[hold.kind]
    const left = (counts.get(caller.tenant) ?? 0) - 1
    if (left > 0) counts.set(caller.tenant, left)
    else counts.delete(caller.tenant)
  }

  async #endRevoked(): Promise<void> {
    if (this.#isChecking) return
    this.#isChecking = true
    let ended = 0
    for (const [caller, holds] of this.#byCaller) {
      const isOver = caller.expiresAt !== undefined && redisNow() >= caller.expiresAt
      const scopes = isOver ? undefined : this.#keys ? this.#keys.scopesOf(caller, Date.now()) : caller.scopes
      for (const { hold, why } of refused(holds, scopes)) {
        hold.revoke(why)
        this.#onRevoked(hold.kind)
        if (++ended % endedAtOnce === 0) await nextTurn()
      }
    }
    this.#isChecking = false
  }
}

/** Those of `holds` that a key with `scopes` may not have; undefined: the key is no longer valid. */
function* refused(holds: Iterable<OpenHold>, scopes: ReadonlySet<Scope> | undefined) {
  for (const hold of holds) {
    const lost = scopes && hold.needs.find((scope) => !scopes.has(scope))
    if (hold.revoked || (scopes && !lost)) continue
    const why = lost
      ? new Problem('forbidden', `This key does not have the scope "${lost}" any more.`)
      : new Problem('unauthenticated', 'The API key or token of this request was revoked or has expired.')
    yield { hold, why }
  }
}

class OpenHold implements Hold {
  readonly kind: HoldKind
  /** The scopes that its key must keep. */
  readonly needs: readonly Scope[]
  revoked: Problem | undefined
  #listener: ((why: Problem) => void) | undefined

  constructor(kind: HoldKind, needs: readonly Scope[]) {
    this.kind = kind
    this.needs = needs
  }

  onRevoked(listener: (why: Problem) => void): void {
    if (this.revoked) listener(this.revoked)
    else this.#listener = listener
  }

  revoke(why: Problem): void {
    this.revoked = why
    this.#listener?.(why)
    this.#listener = undefined
  }
}
