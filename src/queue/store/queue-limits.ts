import { z } from 'zod'
import { parseJson } from '../model/parse-json.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const limitQueue = loadScript('bullmq/limit-queue')
const setLimit = loadScript('bullmq/set-limit')
const recountLimits = loadScript('bullmq/recount-limits')

export const limitKinds = ['concurrency', 'rate', 'tenant', 'type'] as const

/** What a limit from outside is about: a key of a tenant, or a tenant or a job type, whose key is its name. */
export interface LimitedGate {
  queue: string
  kind: (typeof limitKinds)[number]
  /** Undefined of a type, which is that of all tenants. */
  tenant: string | undefined
  key: string
}

/** A limit that was set from outside. `per_ms` and `burst` are those of a rate. */
const pinSchema = z.object({ limit: z.number(), per_ms: z.number().optional(), burst: z.number().optional() })
export type Pin = z.output<typeof pinSchema>

/** The limits of queues that are set from outside, in place of what jobs say. All methods throw QueueUnavailableError. */
export class QueueLimits {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Sets both limits of a queue; undefined: none. */
  async setOfQueue(
    queue: string,
    { maxRunning, rate }: { maxRunning: number | undefined; rate: { limit: number; perMs: number } | undefined },
  ): Promise<void> {
    const names = ['meta', 'marker', 'limiter'].map((suffix) => this.#keys.bull(queue, suffix))
    const args = [maxRunning ?? '', rate?.limit ?? '', rate?.perMs ?? '']
    await whenAvailable(limitQueue(this.#redis, names, args))
  }

  async read(gate: LimitedGate): Promise<Pin | undefined> {
    const text = await whenAvailable(this.#redis.hget(this.#keys.pins(gate.queue), gateName(gate)))
    return text === null ? undefined : pinSchema.parse(parseJson(text))
  }

  /**
   * `pin` undefined: what jobs say holds again. Jobs that are held and may start now are let in. The running jobs of a tenant or a type count for
   * its limit; where many run in the queue, they are counted by calls of a bounded size, and the sweep goes on with that where it fails.
   */
  async set(gate: LimitedGate, pin: Pin | undefined): Promise<void> {
    const { queue, kind } = gate
    const names = [this.#keys.pins(queue), this.#keys.bull(queue, 'meta'), this.#keys.bull(queue, 'active')]
    const args = [this.#keys.bull(queue, ''), gateName(gate), pin ? JSON.stringify(pin) : '']
    const letIn = pin?.limit ?? maxLetIn
    const limited = [...args, letIn, kind === 'tenant' ? 't' : kind === 'type' ? 'y' : '']
    let isLeft = await whenAvailable(setLimit(this.#redis, names, limited))
    const sets = ['active', 'wait', 'prioritized', 'meta'].map((set) => this.#keys.bull(queue, set))
    while (isLeft === 1) isLeft = await whenAvailable(recountLimits(this.#redis, sets, [this.#keys.bull(queue, '')]))
  }
}

/** So many held jobs are looked at once when a limit goes; the sweep goes on with the rest. */
const maxLetIn = 1000

/** As slots.lua names it. */
function gateName({ kind, tenant, key }: LimitedGate): string {
  return kind === 'tenant' || kind === 'type' ? `${kind}:${key}` : `${kind}:${tenant}:${key}`
}
