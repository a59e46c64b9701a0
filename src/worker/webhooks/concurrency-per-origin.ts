import type { ClaimedJob, Settlement } from '../../queue/consume/attempt.ts'
import { deliverySchema } from '../../queue/webhooks/delivery.ts'

const waitMs = { least: 100, most: 60_000 }
/** What an origin is taken to need before it has answered. */
const firstGuessMs = 50
/** An origin that answers faster than this is waited for in place, for so long: that is cheaper than to come again. */
const quickMs = 200
const patienceMs = 250

interface Origin {
  running: number
  waiting: Set<() => void>
  lastMs: number
  enteredAt: number
  nextAt: number
}

/**
 * Lets a share of a worker's deliveries go to one origin at once, so that a slow receiver takes no other's place. Whoever finds
 * its origin full waits a moment where the origin is quick, and is else told when to come again: each behind the one before, as
 * fast as the origin has been answering.
 */
export class OriginGate {
  readonly #atOnce: number
  readonly #origins = new Map<string, Origin>()

  constructor(atOnce: number) {
    this.#atOnce = atOnce
  }

  /** @returns undefined when it may go now, and then it calls {@link leave}; else how many ms it should wait elsewhere */
  async enter(origin: string, now: () => number): Promise<number | undefined> {
    const state = this.#origins.get(origin) ?? newOrigin(now())
    this.#origins.set(origin, state)
    if (state.running < this.#atOnce) state.running += 1
    else if (paceMs(state, now()) > quickMs || !(await placeOf(state))) return this.#comeAgain(state, now())
    state.enteredAt = now()
    return undefined
  }

  leave(origin: string, tookMs: number): void {
    const state = this.#origins.get(origin)
    if (!state) return
    state.lastMs = tookMs
    const [next] = state.waiting
    // Its place passes to the one that has waited longest.
    if (next) return next()
    state.running -= 1
    // Forgotten when nobody is there, so that the map is as long as the worker is wide.
    if (state.running === 0) this.#origins.delete(origin)
  }

  /** The estimate is no promise: who comes and finds it full again waits again. */
  #comeAgain(state: Origin, now: number): number {
    state.nextAt = Math.min(Math.max(state.nextAt, now) + paceMs(state, now) / this.#atOnce, now + waitMs.most)
    return Math.max(waitMs.least, state.nextAt - now)
  }
}

function newOrigin(now: number): Origin {
  return { running: 0, waiting: new Set(), lastMs: firstGuessMs, enteredAt: now, nextAt: now }
}

/** How long the origin takes: as last time, or longer if nobody has left it since the last one entered. */
function paceMs({ lastMs, enteredAt }: Origin, now: number): number {
  return Math.max(lastMs, now - enteredAt)
}

/** @returns whether a place became free in time */
function placeOf({ waiting }: Origin): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isFree: boolean) => {
      clearTimeout(timer)
      waiting.delete(take)
      resolve(isFree)
    }
    const take = () => done(true)
    const timer = setTimeout(done, patienceMs, false)
    waiting.add(take)
  })
}

/** Executes deliveries through a gate. One that cannot be read is not held up here. */
export function throughGate(
  gate: OriginGate,
  execute: (claimed: ClaimedJob) => Promise<Settlement>,
): (claimed: ClaimedJob) => Promise<Settlement> {
  return async (claimed) => {
    const origin = originOf(claimed.data)
    const delayMs = await gate.enter(origin, Date.now)
    if (delayMs !== undefined) return { status: 'left_to_others', delayMs }
    const startedAt = Date.now()
    try {
      return await execute(claimed)
    } finally {
      gate.leave(origin, Date.now() - startedAt)
    }
  }
}

function originOf(data: unknown): string {
  const { input }: { input?: unknown } = Object(data)
  const { data: delivery } = deliverySchema.safeParse(input)
  return (delivery && URL.parse(delivery.url)?.origin) ?? ''
}
