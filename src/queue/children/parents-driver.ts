import PQueue from 'p-queue'
import type { Logger } from 'pino'
import { monotonicMs } from '../model/monotonic.ts'
import { QueueUnavailableError } from '../redis/connection.ts'
import { ChildResults } from './child-results.ts'
import { ChildrenStore, type ParentEntry } from './children-store.ts'
import { lookAfterParent, type ParentDeps } from './look-after-parent.ts'

/** How many parents are looked after at once because of hints. */
const maxAtOnce = 20
/** Parents with hints, and hints of one. What is beyond is found by the next check. */
const max = { parents: 20_000, hints: 20_000 }
/** Each parent on the list is checked this often, since hints may be lost. */
const checkEveryMs = 5000
const maxPerPass = 500

/**
 * Looks after jobs that have submitted others: at once where a hint names one, and now and then all on the list. No method rejects: the next check does what
 * failed. Two at once do no harm.
 */
export class ParentsDriver {
  readonly #deps: ParentDeps & { log: Logger }
  readonly #steps = new PQueue({ concurrency: maxAtOnce })
  readonly #checks = new PQueue({ concurrency: maxAtOnce })
  /** Children that may have ended, by parents whose turn has not come; undefined: any. */
  readonly #hinted = new Map<string, Set<string> | undefined>()
  /** When each was checked last, by entry, in monotonic ms. */
  #checkedAt = new Map<string, number>()
  #from = 0
  /** Until when an empty list is not read again, in monotonic ms. */
  #restsUntil = 0
  #isOpen = true

  constructor(deps: Omit<ParentDeps, 'store' | 'results'> & { log: Logger }) {
    this.#deps = { ...deps, store: new ChildrenStore(deps), results: new ChildResults(deps) }
  }

  /** Begins no more steps. */
  close(): void {
    this.#isOpen = false
    this.#steps.clear()
    this.#hinted.clear()
  }

  /** Resolves when no step runs that a hint began. */
  idle(): Promise<void> {
    return this.#steps.onIdle()
  }

  /** A child may have ended; without one, the parent may have, or waits for children that may have ended before. */
  hint(parent: string, child: string | undefined): void {
    if (!this.#isOpen) return
    const isWaiting = this.#hinted.has(parent)
    if (!isWaiting && this.#hinted.size >= max.parents) return
    const before = this.#hinted.get(parent)
    if (child === undefined || (isWaiting && !before) || (before && before.size >= max.hints))
      this.#hinted.set(parent, undefined)
    else this.#hinted.set(parent, (before ?? new Set()).add(child))
    if (!isWaiting) void this.#steps.add(() => this.#follow(parent))
  }

  /** Hints may have been missed: all are due for a check. */
  expireChecks(): void {
    this.#checkedAt.clear()
    this.#from = 0
    this.#restsUntil = 0
  }

  /** Checks the next parents on the list that are due. */
  async pass(): Promise<void> {
    const { store } = this.#deps
    const now = monotonicMs()
    if (now < this.#restsUntil) return
    const entries = await store.listed(this.#from, maxPerPass)
    if (this.#from === 0 && entries.length === 0) this.#restsUntil = now + checkEveryMs
    const due = entries.filter(
      ({ id, run }) => now - (this.#checkedAt.get(`${id} ${run}`) ?? -Infinity) >= checkEveryMs,
    )
    let gone = 0
    const check = async (entry: ParentEntry) => {
      if (!this.#isOpen) return
      this.#checkedAt.set(`${entry.id} ${entry.run}`, monotonicMs())
      if (await this.#look(entry)) gone += 1
    }
    await this.#checks.addAll(due.map((entry) => () => check(entry)))
    const isEnd = entries.length < maxPerPass
    this.#from = isEnd ? 0 : this.#from + entries.length - gone
    if (isEnd) this.#forgetChecks()
  }

  /** Parents leave the list: what is remembered of them goes once it is older than a check. */
  #forgetChecks(): void {
    const now = monotonicMs()
    this.#checkedAt = new Map([...this.#checkedAt].filter(([, at]) => now - at < 2 * checkEveryMs))
  }

  async #follow(parent: string): Promise<void> {
    const children = this.#hinted.get(parent)
    this.#hinted.delete(parent)
    await this.#look({ id: parent, hinted: children })
  }

  /** @returns whether the parent has left the list */
  async #look(about: Parameters<typeof lookAfterParent>[1]): Promise<boolean> {
    const { store, log } = this.#deps
    try {
      const over = await lookAfterParent(this.#deps, about)
      if (over) await store.unlist(over)
      return over !== undefined
    } catch (error) {
      const level = error instanceof QueueUnavailableError ? 'debug' : 'warn'
      log[level]({ job: about.id, err: error }, 'failed to look after the children of a job; the next check retries')
      return false
    }
  }
}
