import { LRUCache } from 'lru-cache'

/** So many deliveries to one origin share a turn: as many as a worker sends to it at the same time by default. */
const deliveriesPerTurn = 10
/** So many deliveries per second to one origin never wait behind those to others. */
const freePerSecond = 100
/** Bounds the turns: BullMQ's priorities end at 2,097,152. */
const maxTurn = 10_000
/** Origins beyond this are forgotten, the least recent first. */
const maxOrigins = 10_000

/**
 * Gives each origin its turn: of a thousand deliveries to one origin, the first ten are in turn 0, the next ten in turn 1. Deliveries are
 * sent in the order of their turns, so those to another origin wait for a few of them, not for all. Deliveries that no other
 * competes with are sent as fast as ever.
 *
 * Each process counts what it stores itself, which approximates the share: nothing is stored, and nothing needs a correction after a
 * crash.
 */
export class OriginTurns {
  readonly #origins = new LRUCache<string, { owed: number; at: number }>({ max: maxOrigins })

  /** The turn of the next delivery to this address, from 0. `now`: monotonic ms */
  next(url: string, now: number): number {
    const origin = URL.parse(url)?.origin ?? ''
    const { owed, at } = this.#origins.get(origin) ?? { owed: 0, at: now }
    const left = Math.max(0, owed - ((now - at) / 1000) * freePerSecond)
    this.#origins.set(origin, { owed: left + 1, at: now })
    return Math.min(maxTurn, Math.floor(left / deliveriesPerTurn))
  }
}
