import type { Logger } from 'pino'
import { redisNow } from '../model/redis-time.ts'
import { TickFirer, type TickFirerDeps } from './fire-ticks.ts'
import type { DoneTick, ScheduleStore } from './schedule-store.ts'

/**
 * The interval of polling, unless a schedule is due sooner: finds new schedules, and retries after an error. The process that has stored a
 * schedule does not wait: where there was none, another one finds it late.
 */
const maxWaitMs = { some: 1000, none: 5000 }
const minWaitMs = 5
/** Thousands may be due at one moment. So many parts of them are under way at once: while Redis works for one, this process works for another. */
const partsAtOnce = 3

/**
 * Stores the jobs of schedules when they are due. Every process may run a scheduler: each due schedule is taken by one of them, and by
 * another when that one dies, which stores the same job under the same id. Of missed ticks the latest is fired. Needs no leader: see
 * take-due-schedules.lua. Where there is no room for a job, its tick stays due: it is tried again until the next one is due.
 */
export class Scheduler {
  readonly #store: ScheduleStore
  readonly #ticks: TickFirer
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> | undefined
  #isStopped = true
  /** Since the last poll began. */
  #isWoken = false

  constructor(deps: TickFirerDeps & { store: ScheduleStore }) {
    this.#store = deps.store
    this.#ticks = new TickFirer(deps)
    this.#log = deps.log
  }

  /** Polls for due schedules. May be called twice. */
  start(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.#store.onPut = () => this.#wake()
    this.#pollIn(minWaitMs)
  }

  /** Resolves when the schedules that were taken are fired. May be called twice. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#polling
  }

  /** This process has stored a schedule, which may be due soon. */
  #wake(): void {
    this.#isWoken = true
    if (this.#timer === undefined || this.#isStopped) return
    clearTimeout(this.#timer)
    this.#pollIn(minWaitMs)
  }

  #pollIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#isWoken = false
      this.#polling = this.#pollAndRepeat()
    }, ms)
  }

  async #pollAndRepeat(): Promise<void> {
    const nextInMs = await this.#poll()
    if (!this.#isStopped) this.#pollIn(this.#isWoken ? minWaitMs : Math.max(nextInMs, minWaitMs))
  }

  /** @returns ms until the next poll. Never rejects. */
  async #poll(): Promise<number> {
    try {
      const soonestAt = await this.#store.nextAt()
      if (soonestAt === undefined) return maxWaitMs.none
      const nextAt = soonestAt > redisNow() ? soonestAt : await this.#fireDue()
      return Math.min(nextAt - redisNow(), maxWaitMs.some)
    } catch (error) {
      this.#log.debug({ err: error }, 'failed to read due schedules; the next poll retries')
      return maxWaitMs.some
    }
  }

  /** Resolves when nothing of it is under way, also where a part fails. @returns when the next one is due, in epoch ms; Infinity: not known */
  async #fireDue(): Promise<number> {
    const first = await this.#firePart()
    if (!first.isMore) return first.nextAt
    const rest = await Promise.allSettled(Array.from({ length: partsAtOnce }, () => this.#fireParts()))
    const nextAts = rest.map((parts) => {
      if (parts.status === 'rejected') throw parts.reason
      return parts.value
    })
    return Math.min(first.nextAt, ...nextAts)
  }

  /** … one part behind the other. */
  async #fireParts(): Promise<number> {
    let nextAt = Infinity
    for (;;) {
      const part = await this.#firePart()
      nextAt = Math.min(nextAt, part.nextAt)
      if (!part.isMore) return nextAt
    }
  }

  /** @returns whether more are due, and when the next one is of those that are not */
  async #firePart(): Promise<{ isMore: boolean; nextAt: number }> {
    const startedAt = performance.now()
    // A tick is not done where its job may be lost again.
    const store = this.#store.fenced()
    const { now, due, nextAt = Infinity } = await store.takeDue()
    const advanced = await this.#advance(store, await this.#ticks.fire(store, due, startedAt))
    const isMore = due.length > 0 && nextAt <= now && !this.#isStopped
    return { isMore, nextAt: Math.min(isMore ? Infinity : nextAt, ...advanced) }
  }

  /** Writes what was done of a poll, in one call. @returns the next ticks */
  async #advance(store: ScheduleStore, ticks: DoneTick[]): Promise<number[]> {
    try {
      // Only the first call counts: where Redis was late, all of these would be fired again after seconds.
      await store.advance(ticks).catch(() => store.advance(ticks))
      return ticks.flatMap(({ next }) => next ?? [])
    } catch (error) {
      // Their jobs are stored: firing them again stores none.
      this.#log.warn({ schedules: ticks.length, err: error }, 'failed to advance schedules; they are fired again')
      return []
    }
  }
}
