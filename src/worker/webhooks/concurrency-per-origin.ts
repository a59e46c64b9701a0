import type { LeasedJob, Settlement } from '../../queue/consume/attempt.ts'
import { deliverySchema } from '../../queue/webhooks/delivery.ts'

const minDelayMs = 100
const maxDelayMs = 60_000
/** The assumed duration of a delivery to an origin that has not answered yet. */
const initialDurationMs = 50
/** For an origin that answers faster than this, waiting here for a free slot is cheaper than delaying the delivery in Redis. */
const fastDurationMs = 200
/** … for at most this long. */
const fastSlotWaitMs = 250
/** Others wait shorter. That they wait bounds how many are delayed per second: a burst of those would delay other origins. */
const slowSlotWaitMs = 100
/** The random share of these waits. Waits that end together would keep all slots of the worker until then. */
const waitJitter = 0.8
/** Idle origins that fail are remembered up to this many. */
const maxFailing = 1000

interface Origin {
  running: number
  waiting: Set<() => void>
  /** Duration of the delivery that ended last. */
  lastDurationMs: number
  lastStartAt: number
  /** Until when deliveries to this origin have been delayed. */
  delayedUntil: number
  /** How many deliveries have failed since the last that succeeded. */
  failures: number
}

/**
 * Bounds how many deliveries of a worker go to one origin at once, so that a slow receiver does not take the slots of others, nor a failing
 * one the time of the event loop: each failure halves the limit of its origin, to 1 at last, and a success restores it. If an origin is
 * full, a delivery waits a moment for a slot; then it is delayed, each one behind the one before, at the rate at which the origin has
 * been answering.
 */
export class OriginLimiter {
  readonly #maxPerOrigin: number
  readonly #random: () => number
  readonly #origins = new Map<string, Origin>()
  readonly #failing = new Set<string>()

  /** @param random from 0 to 1, drawn anew with each call */
  constructor(maxPerOrigin: number, random: () => number) {
    this.#maxPerOrigin = maxPerOrigin
    this.#random = random
  }

  /**
   * @param now the monotonic clock
   * @returns undefined when the delivery may start, which must then call {@link leave}; otherwise its delay in ms
   */
  async enter(origin: string, now: () => number): Promise<number | undefined> {
    const state = this.#origins.get(origin) ?? newOrigin(now())
    this.#origins.set(origin, state)
    if (state.running < this.#limit(state)) state.running += 1
    else if (!(await slotOf(state, this.#slotWaitMs(state, now())))) return this.#delay(state, now())
    state.lastStartAt = now()
    return undefined
  }

  /** `hasFailed` is undefined for a delivery that says nothing about its origin, such as one that was canceled. */
  leave(origin: string, tookMs: number, hasFailed?: boolean): void {
    const state = this.#origins.get(origin)
    if (!state) return
    state.lastDurationMs = tookMs
    if (hasFailed !== undefined) state.failures = hasFailed ? state.failures + 1 : 0
    state.running -= 1
    // The slots pass to the deliveries that have waited longest.
    for (const next of state.waiting) {
      if (state.running >= this.#limit(state)) break
      state.running += 1
      next()
    }
    if (state.running === 0) this.#forget(origin, state)
  }

  #limit({ failures }: Origin): number {
    return Math.max(1, this.#maxPerOrigin >> Math.min(failures, 30))
  }

  #slotWaitMs(state: Origin, now: number): number {
    const maxMs = durationMs(state, now) > fastDurationMs ? slowSlotWaitMs : fastSlotWaitMs
    return maxMs * (1 - waitJitter * this.#random())
  }

  /** Bounds the map by the worker's concurrency and {@link maxFailing}. */
  #forget(origin: string, { failures }: Origin): void {
    this.#failing.delete(origin)
    if (failures > 0) this.#failing.add(origin)
    else this.#origins.delete(origin)
    const [oldest] = this.#failing
    if (oldest === undefined || this.#failing.size <= maxFailing) return
    this.#failing.delete(oldest)
    if (this.#origins.get(oldest)?.running === 0) this.#origins.delete(oldest)
  }

  /** An estimate: a delivery that finds its origin full again is delayed again. */
  #delay(state: Origin, now: number): number {
    const next = Math.max(state.delayedUntil, now) + durationMs(state, now) / this.#limit(state)
    state.delayedUntil = Math.min(next, now + maxDelayMs)
    return Math.max(minDelayMs, state.delayedUntil - now)
  }
}

function newOrigin(now: number): Origin {
  const idle = { running: 0, waiting: new Set<() => void>(), failures: 0 }
  return { ...idle, lastDurationMs: initialDurationMs, lastStartAt: now, delayedUntil: now }
}

/** How long a delivery takes: as the last one, or longer if one is running and none has ended since it started. */
function durationMs({ lastDurationMs, lastStartAt, running }: Origin, now: number): number {
  return running > 0 ? Math.max(lastDurationMs, now - lastStartAt) : lastDurationMs
}

/** @returns whether a slot became free in time */
function slotOf({ waiting }: Origin, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isFree: boolean) => {
      clearTimeout(timer)
      waiting.delete(take)
      resolve(isFree)
    }
    const take = () => done(true)
    const timer = setTimeout(done, waitMs, false)
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
    let hasFailed: boolean | undefined
    try {
      const settlement = await execute(leased)
      const { status } = settlement
      if (status === 'failed' || status === 'succeeded') hasFailed = status === 'failed'
      return settlement
    } finally {
      limiter.leave(origin, performance.now() - startedAt, hasFailed)
    }
  }
}

function originOf(data: unknown): string {
  const { input }: { input?: unknown } = Object(data)
  const { data: delivery } = deliverySchema.safeParse(input)
  return (delivery && URL.parse(delivery.url)?.origin) ?? ''
}
