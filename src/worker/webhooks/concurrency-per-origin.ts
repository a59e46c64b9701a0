import type { LeasedJob, Settlement } from '../../queue/consume/attempt.ts'
import { deliverySchema } from '../../queue/webhooks/delivery.ts'

const minDelayMs = 100
const maxDelayMs = 60_000
/** The assumed duration of a delivery to an origin that has not answered yet. */
const initialDurationMs = 50
/** For an origin that answers faster than this, waiting here for a free slot is cheaper than delaying the delivery in Redis. */
const fastDurationMs = 200
/** … for at most this long. */
const maxSlotWaitMs = 250

interface Origin {
  running: number
  waiting: Set<() => void>
  /** Duration of the delivery that ended last. */
  lastDurationMs: number
  lastStartAt: number
  /** Until when deliveries to this origin have been delayed. */
  delayedUntil: number
}

/**
 * Bounds how many deliveries of a worker go to one origin at once, so that a slow receiver does not take the slots of others. If an
 * origin is full, a delivery waits for a slot if the origin is fast; otherwise it is delayed, each one behind the one before, at
 * the rate at which the origin has been answering.
 */
export class OriginLimiter {
  readonly #maxPerOrigin: number
  readonly #origins = new Map<string, Origin>()

  constructor(maxPerOrigin: number) {
    this.#maxPerOrigin = maxPerOrigin
  }

  /**
   * @param now the monotonic clock
   * @returns undefined when the delivery may start, which must then call {@link leave}; otherwise its delay in ms
   */
  async enter(origin: string, now: () => number): Promise<number | undefined> {
    const state = this.#origins.get(origin) ?? newOrigin(now())
    this.#origins.set(origin, state)
    if (state.running < this.#maxPerOrigin) state.running += 1
    else if (durationMs(state, now()) > fastDurationMs || !(await slotOf(state))) return this.#delay(state, now())
    state.lastStartAt = now()
    return undefined
  }

  leave(origin: string, tookMs: number): void {
    const state = this.#origins.get(origin)
    if (!state) return
    state.lastDurationMs = tookMs
    const [next] = state.waiting
    // The slot passes to the delivery that has waited longest.
    if (next) return next()
    state.running -= 1
    // Bounds the map by the worker's concurrency.
    if (state.running === 0) this.#origins.delete(origin)
  }

  /** An estimate: a delivery that finds its origin full again is delayed again. */
  #delay(state: Origin, now: number): number {
    const next = Math.max(state.delayedUntil, now) + durationMs(state, now) / this.#maxPerOrigin
    state.delayedUntil = Math.min(next, now + maxDelayMs)
    return Math.max(minDelayMs, state.delayedUntil - now)
  }
}

function newOrigin(now: number): Origin {
  return { running: 0, waiting: new Set(), lastDurationMs: initialDurationMs, lastStartAt: now, delayedUntil: now }
}

/** How long a delivery takes: as the last one, or longer if none has ended since the last one started. */
function durationMs({ lastDurationMs, lastStartAt }: Origin, now: number): number {
  return Math.max(lastDurationMs, now - lastStartAt)
}

/** @returns whether a slot became free in time */
function slotOf({ waiting }: Origin): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isFree: boolean) => {
      clearTimeout(timer)
      waiting.delete(take)
      resolve(isFree)
    }
    const take = () => done(true)
    const timer = setTimeout(done, maxSlotWaitMs, false)
    waiting.add(take)
  })
}

/** Runs deliveries within the limit of their origin. A delivery that cannot be read is not limited. */
export function limitPerOrigin(
  limiter: OriginLimiter,
  execute: (leased: LeasedJob) => Promise<Settlement>,
): (leased: LeasedJob) => Promise<Settlement> {
  return async (leased) => {
    const origin = originOf(leased.data)
    const delayMs = await limiter.enter(origin, () => performance.now())
    if (delayMs !== undefined) return { status: 'left_to_others', delayMs }
    const startedAt = performance.now()
    try {
      return await execute(leased)
    } finally {
      limiter.leave(origin, performance.now() - startedAt)
    }
  }
}

function originOf(data: unknown): string {
  const { input }: { input?: unknown } = Object(data)
  const { data: delivery } = deliverySchema.safeParse(input)
  return (delivery && URL.parse(delivery.url)?.origin) ?? ''
}
