import { setTimeout as sleep } from 'node:timers/promises'
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
/** … of which so many are changed at the same time. */
const atOnce = 20
/** While it waits it stays the process's own, and learns whether it is to end. */
const keepEveryMs = 1500
const maxFailures = 20
/** The problems that pass: there is no room for a job at the moment. */
const roomProblems: readonly string[] = ['quota_exceeded', 'queue_full', 'redis_full']
const retryRoomMs = 500

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

  constructor(operation: StoredOperation, options: RunOptions) {
    this.#operation = operation
    this.#options = options
    this.#isTakenOver = operation.startedAt !== undefined
    this.#progress = { ...progressOf(operation), state: 'running', startedAt: operation.startedAt ?? redisNow() }
  }

  /** Resolves when it has ended, or goes on elsewhere. @throws QueueUnavailableError */
  async run(): Promise<void> {
    const keep = setInterval(() => void this.#save().catch(() => undefined), keepEveryMs)
    try {
      await this.#save()
      if (!this.#progress.isMatched) await this.#match()
      if (!this.#operation.dryRun) await this.#apply()
      if (!this.#isOver) await this.#end({ state: 'succeeded' })
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
    const progress = this.#progress
    const items: OperationItem[] = []
    for await (const { job } of this.#options.deps.queue.readMany(refs)) {
      if (!job || progress.matched >= limit || !matchesFilter(job, filter)) continue
      // What has ended since did not match when the client asked.
      if ((job.finishedAt ?? 0) > createdAt) continue
      progress.matched += 1
      if (applicableStates[action].includes(job.state)) items.push({ id: job.id, run: job.run })
      else progress.skipped += 1
    }
    progress.behind = end
    if (dryRun) return this.#save()
    progress.listed += items.length
    return this.#save(items)
  }

  async #apply(): Promise<void> {
    const progress = this.#progress
    while (progress.next < progress.listed && !this.#isOver) {
      const items = await this.#options.store.items(this.#operation.id, progress.next, groupSize)
      if (items.length === 0) throw new Error('the list of an operation is shorter than it says')
      for (let from = 0; from < items.length && !this.#isOver; from += atOnce) {
        const some = items.slice(from, from + atOnce)
        const outcomes = await Promise.all(some.map((item) => this.#applyTo(item)))
        // It is over: those that were not applied are left.
        if (outcomes.includes(undefined)) break
        for (const outcome of outcomes) this.#count(outcome)
        progress.next += some.length
      }
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

  /** @returns undefined when it is over before the action was applied */
  async #applyTo({ id, run }: OperationItem): Promise<Outcome> {
    const { deps } = this.#options
    const { action, tenant } = this.#operation
    for (;;) {
      if (this.#isOver || this.#options.stopping.aborted) return undefined
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
        const isApplied = await this.#act(job, caller)
        this.#progress.waitingFor = undefined
        return { status: isApplied ? 'succeeded' : 'skipped' }
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        if (!roomProblems.includes(error.code))
          return { status: 'failed', failure: { id, code: error.code, detail: error.message } }
        this.#progress.waitingFor = error.message
        await sleep(retryRoomMs, undefined, { signal: this.#options.stopping }).catch(() => undefined)
      }
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
  #save(found: OperationItem[] = []): Promise<void> {
    const saving = this.#saving.catch(() => undefined).then(() => this.#saveNow(found))
    this.#saving = saving
    return saving
  }

  async #saveNow(found: OperationItem[]): Promise<void> {
    if (this.#isOver) return
    const { store, holder, callerOf, stopping } = this.#options
    const standing = await store.save(this.#operation, holder, this.#progress, found)
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
