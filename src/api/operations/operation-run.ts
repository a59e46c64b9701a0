import { redisNow } from '../../queue/model/redis-time.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import {
  applicableStates,
  type ItemFailure,
  isOperationDone,
  type OperationProgress,
  progressOf,
  type StoredOperation,
} from '../../queue/operations/operation-record.ts'
import type { OperationItem, OperationStore } from '../../queue/operations/operation-store.ts'
import type { Caller } from '../access/api-keys.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { cancelOne, deleteOne, retryOne } from '../jobs/act-on-job.ts'
import { matchesFilter } from '../jobs/job-filter.ts'

export type RunDeps = Pick<
  RouteDeps,
  'queue' | 'index' | 'control' | 'quotas' | 'registry' | 'metrics' | 'outbox' | 'admission' | 'flows'
>

/** Jobs that are read or changed before it is stored how far the operation is. */
const groupSize = 200
/** … of which so many are changed at the same time. A retry reads whole jobs, of up to some MB each. */
const atOnce = { cancel: 20, retry: 4, delete: 20 }
/** While it waits it stays the process's own, and learns whether it is to end. */
const keepEveryMs = 1500
const maxFailures = 20
/** The problems that pass: there is no room for a job at the moment. */
const roomProblems: readonly string[] = ['quota_exceeded', 'queue_full', 'redis_full']

interface RunOptions {
  deps: RunDeps
  store: OperationStore
  holder: string
  /** The client at this moment, or why it may not go on. */
  callerOf: () => Caller | Problem
  stopping: AbortSignal
}

type Outcome = { status: 'succeeded' | 'skipped' } | { status: 'failed'; failure: ItemFailure } | undefined

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
    const keep = setInterval(() => void this.#save().catch(() => undefined), keepEveryMs)
    try {
      await this.#save()
      if (!this.#progress.isMatched) await this.#match()
      if (!this.#operation.dryRun) await this.#apply()
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

  async #match(): Promise<void> {
    const { filter, tenant, limit } = this.#operation
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
        if (this.#progress.matched >= limit) break
      }
      if (this.#isOver) return
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
    const { action, id } = this.#operation
    const step = atOnce[action]
    while (progress.next < progress.listed && !this.#isOver) {
      const items = await this.#options.store.items(id, progress.next, groupSize)
      if (items.length === 0) throw new Error('the list of an operation is shorter than it says')
      for (let from = 0; from < items.length && !this.#isOver; from += step) {
        const some = items.slice(from, from + step)
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
  }

  #count(outcome: Outcome): void {
    if (!outcome) return
    this.#progress[outcome.status] += 1
    if (outcome.status !== 'failed' || this.#progress.failures.length >= maxFailures) return
    this.#progress.failures = [...this.#progress.failures, outcome.failure]
  }

  /** @returns undefined when it was not applied: it is over, or there is no room */
  async #applyTo({ id, run }: OperationItem): Promise<Outcome> {
    const { deps } = this.#options
    const { action, tenant } = this.#operation
    if (this.#isOver || this.#noRoom !== undefined || this.#options.stopping.aborted) return undefined
    const caller = this.#options.callerOf()
    if (caller instanceof Problem) return undefined
    const ref = deps.queue.refOf(id)
    const job = ref && (await deps.queue.read(ref, tenant, action === 'retry' ? 'whole' : 'small'))
    // What it did itself before it was taken over counts as done by it.
    if (!job || job.run !== run) {
      const isOwn = this.#isTakenOver && (action === 'retry' ? job !== undefined : action === 'delete' && !job)
      return { status: isOwn ? 'succeeded' : 'skipped' }
    }
    try {
      return { status: (await this.#act(job, caller)) ? 'succeeded' : 'skipped' }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (!roomProblems.includes(error.code))
        return { status: 'failed', failure: { id, code: error.code, detail: error.message } }
      this.#noRoom = error.message
      return undefined
    }
  }

  /** @returns whether the action was applied @throws Problem, QueueUnavailableError */
  async #act(job: StoredJob, caller: Caller): Promise<boolean> {
    const { deps } = this.#options
    switch (this.#operation.action) {
      case 'cancel': {
        const result = await cancelOne(deps, job)
        const isOwn = this.#isTakenOver && job.state === 'canceled'
        return result === 'ended' || result === 'signaled' || isOwn
      }
      case 'retry':
        return (await retryOne(deps, caller, job)) === 'reopened'
      case 'delete':
        return (await deleteOne(deps, job)) === 'removed'
      default:
        throw new TypeError(`there is no such action: ${JSON.stringify(this.#operation.action satisfies never)}`)
    }
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
