import type { Logger } from 'pino'
import { redisNow } from '../../queue/model/redis-time.ts'
import {
  applicableStates,
  isOperationDone,
  type OperationProgress,
  progressOf,
  type StoredOperation,
} from '../../queue/operations/operation-record.ts'
import type { OperationItem, OperationStore } from '../../queue/operations/operation-store.ts'
import type { Caller } from '../access/api-keys.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { matchesFilter } from '../jobs/job-filter.ts'
import { type ActDeps, applyToItem, type ItemOutcome } from './apply-to-item.ts'

export type RunDeps = ActDeps & Pick<RouteDeps, 'index'>

/** Jobs that are read or changed before it is stored how far the operation is. */
const groupSize = 200
/** … of which so many are changed at the same time. */
const atOnce = 20
/** Jobs that wait in the list of an operation, each of about 40 bytes: those behind them are looked for once these are through. */
const maxListed = 100_000
/** While it waits it stays the process's own, and learns whether it is to end. */
const keepEveryMs = 1500
const maxFailures = 20

interface RunOptions {
  deps: RunDeps
  store: OperationStore
  holder: string
  /** The client at this moment, or why it may not go on. */
  callerOf: () => Caller | Problem
  stopping: AbortSignal
  log: Pick<Logger, 'warn'>
}

/** One operation in this process: finds the jobs that match, then applies the action to each. Another process can go on where it stops. */
export class OperationRun {
  readonly #operation: StoredOperation
  readonly #progress: OperationProgress
  readonly #options: RunOptions
  /** Another process may have applied the action to some of the next jobs already, and died before it could store that. */
  #isTakenOver: boolean
  /** It does not go on here. */
  #isOver = false
  #saving: Promise<unknown> = Promise.resolve()
  /** Why there is no room for one of the jobs that it retries. */
  #noRoom: string | undefined

  constructor(operation: StoredOperation, options: RunOptions) {
    this.#operation = operation
    this.#options = options
    this.#isTakenOver = operation.startedAt !== undefined
    this.#progress = { ...progressOf(operation), state: 'running', startedAt: operation.startedAt ?? redisNow() }
  }

  /**
   * Resolves when it has ended, or goes on elsewhere; with `no_room` when it has been given back, to be tried again later.
   *
   * @throws QueueUnavailableError
   */
  async run(): Promise<'over' | 'no_room'> {
    const keep = setInterval(() => void this.#keep(), keepEveryMs)
    try {
      await this.#save()
      do {
        if (!this.#progress.isMatched) await this.#match()
        if (!this.#operation.dryRun) await this.#apply()
      } while (!this.#progress.isMatched && this.#goesOn)
      // Gives it back: another process goes on.
      if (this.#options.stopping.aborted) await this.#save()
      if (this.#noRoom !== undefined && !this.#isOver) {
        await this.#leave()
        return 'no_room'
      }
      if (!this.#isOver) await this.#end({ state: 'succeeded' })
      return 'over'
    } finally {
      clearInterval(keep)
      await this.#saving.catch(() => undefined)
    }
  }

  get #goesOn(): boolean {
    return !this.#isOver && this.#noRoom === undefined && !this.#options.stopping.aborted
  }

  /** Stays its holder. Never rejects: where that fails for too long another process goes on, and this one learns so by its next write. */
  async #keep(): Promise<void> {
    try {
      await this.#save()
    } catch (error) {
      this.#options.log.warn({ operation: this.#operation.id, err: error }, 'failed to store how far an operation is')
    }
  }

  /** Finds jobs that match until there are no more, or its list is full. */
  async #match(): Promise<void> {
    const { filter, tenant, limit } = this.#operation
    const isFull = () => this.#progress.listed >= maxListed
    if (isFull()) return
    const { queue, index } = this.#options.deps
    const search = index.search({
      tenant,
      queues: queue.names.filter((name) => filter.queue === undefined || filter.queue === name),
      filter,
      behind: this.#progress.behind,
      from: filter.from,
      to: filter.to,
      count: groupSize,
    })
    for await (const { found, searchedTo } of search) {
      for (let from = 0; from < found.length && !this.#isOver; from += groupSize) {
        const group = found.slice(from, from + groupSize)
        await this.#list(
          group.map(({ ref }) => ref),
          group.at(-1)?.ulid,
        )
        if (this.#progress.matched >= limit || isFull()) break
      }
      if (this.#isOver || (isFull() && this.#progress.matched < limit)) return
      if (searchedTo === undefined || this.#progress.matched >= limit) break
      this.#progress.behind = searchedTo
    }
    this.#progress.isMatched = true
    await this.#save()
  }

  /** Puts those jobs on the list that match, and to which the action can be applied. */
  async #list(refs: Parameters<RunDeps['queue']['readMany']>[0], end: string | undefined): Promise<void> {
    const { action, limit, dryRun, createdAt, filter } = this.#operation
    let { matched, skipped } = this.#progress
    const items: OperationItem[] = []
    for await (const { job } of this.#options.deps.queue.readMany(refs)) {
      if (!job || matched >= limit || !matchesFilter(job, filter)) continue
      // What has ended since did not match when the client asked.
      if ((job.finishedAt ?? 0) > createdAt) continue
      matched += 1
      if (applicableStates[action].includes(job.state)) items.push({ id: job.id, run: job.run })
      else skipped += 1
    }
    const found = dryRun ? [] : items
    // All at once: after a crash the search goes on behind what is counted and listed.
    return this.#save(found, { matched, skipped, behind: end, listed: this.#progress.listed + found.length })
  }

  async #apply(): Promise<void> {
    const progress = this.#progress
    const { id } = this.#operation
    while (progress.next < progress.listed && !this.#isOver) {
      const items = await this.#options.store.items(id, progress.next, groupSize)
      if (items.length === 0) throw new Error('the list of an operation is shorter than it says')
      for (let from = 0; from < items.length && !this.#isOver; from += atOnce) {
        const some = items.slice(from, from + atOnce)
        const outcomes = await Promise.all(some.map((item) => this.#applyTo(item)))
        // It is over: those that were not applied are left.
        if (outcomes.includes(undefined)) break
        progress.waitingFor = undefined
        for (const outcome of outcomes) this.#count(outcome)
        progress.next += some.length
      }
      if (this.#noRoom !== undefined || this.#options.stopping.aborted) break
      if (!this.#isOver) await this.#save()
      this.#isTakenOver = false
    }
    // Room for those behind.
    if (!progress.isMatched && progress.next === progress.listed) await this.#save([], { listed: 0, next: 0 })
  }

  #count(outcome: ItemOutcome | undefined): void {
    if (!outcome || outcome.status === 'no_room') return
    this.#progress[outcome.status] += 1
    if (outcome.status !== 'failed' || this.#progress.failures.length >= maxFailures) return
    this.#progress.failures = [...this.#progress.failures, outcome.failure]
  }

  /** @returns undefined when it was not applied: it is over, or there is no room */
  async #applyTo(item: OperationItem): Promise<ItemOutcome | undefined> {
    if (!this.#goesOn) return undefined
    const caller = this.#options.callerOf()
    if (caller instanceof Problem) return undefined
    const how = { caller, isTakenOver: this.#isTakenOver }
    const outcome = await applyToItem(this.#options.deps, this.#operation, item, how)
    if (outcome.status !== 'no_room') return outcome
    this.#noRoom = outcome.why
    return undefined
  }

  /** Stores how far it is, one write after another, and learns whether it is to end. */
  #save(found: OperationItem[] = [], change: Partial<OperationProgress> = {}): Promise<void> {
    const saving = this.#saving.catch(() => undefined).then(() => this.#saveNow(found, change))
    this.#saving = saving
    return saving
  }

  /** Gives it back while there is no room, so that others can go on. */
  #leave(): Promise<void> {
    const saved = this.#save([], { waitingFor: this.#noRoom })
    const leave = async (): Promise<void> => {
      await saved
      if (this.#isOver) return
      this.#isOver = true
      await this.#options.store.release(this.#operation.id, this.#options.holder)
    }
    const leaving = leave()
    this.#saving = leaving
    return leaving
  }

  async #saveNow(found: OperationItem[], change: Partial<OperationProgress>): Promise<void> {
    if (this.#isOver) return
    Object.assign(this.#progress, change)
    const { store, holder, callerOf, stopping } = this.#options
    const standing = await store.save(this.#operation, holder, this.#progress, found).catch((error: unknown) => {
      // Whether the list has them is unknown: who takes it next reads both as they are stored.
      if (found.length > 0) this.#isOver = true
      throw error
    })
    const caller = callerOf()
    if (standing === 'lost') this.#isOver = true
    else if (standing === 'canceled') await this.#endNow({ state: 'canceled' })
    else if (caller instanceof Problem)
      await this.#endNow({ state: 'failed', error: { code: caller.code, message: caller.message } })
    else if (stopping.aborted) {
      this.#isOver = true
      await store.release(this.#operation.id, holder)
    }
  }

  #end(how: Pick<OperationProgress, 'state'> & Partial<OperationProgress>): Promise<void> {
    const ending = this.#saving.catch(() => undefined).then(() => this.#endNow(how))
    this.#saving = ending
    return ending
  }

  async #endNow(how: Pick<OperationProgress, 'state'> & Partial<OperationProgress>): Promise<void> {
    if (this.#isOver) return
    Object.assign(this.#progress, how, { finishedAt: redisNow(), waitingFor: undefined })
    await this.#options.store.save(this.#operation, this.#options.holder, this.#progress)
    this.#isOver = isOperationDone(this.#progress)
  }
}
