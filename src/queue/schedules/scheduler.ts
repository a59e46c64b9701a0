import type { Logger } from 'pino'
import { parseJobId } from '../model/job-id.ts'
import type { JobQueue } from '../store/job-queue.ts'
import { type StoredSchedule, tickRef } from './schedule-record.ts'
import { type DueSchedule, type ScheduleStore, takenForMs } from './schedule-store.ts'
import { latestTick, nextTick } from './ticks.ts'

/** A schedule that was stored meanwhile is seen after this at the latest; a Redis that fails is asked again after it. */
const mostWaitMs = 1000
const leastWaitMs = 5

/**
 * Stores the jobs of schedules when their time comes. Every process may run one: a due schedule is given to one of them, and to
 * another if that one dies, which then stores the same job under the same id. Of ticks that were missed the latest is fired.
 */
export class Scheduler {
  readonly #store: ScheduleStore
  readonly #jobs: JobQueue
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isStopped = true

  constructor(deps: { store: ScheduleStore; jobs: JobQueue; log: Logger }) {
    this.#store = deps.store
    this.#jobs = deps.jobs
    this.#log = deps.log
  }

  /** Looks from now on. May be called twice. */
  start(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.#lookIn(leastWaitMs)
  }

  /** Resolves when what is due now is fired. May be called twice. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#looking
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#lookAndGoOn()
    }, ms)
  }

  async #lookAndGoOn(): Promise<void> {
    const nextInMs = await this.#look()
    if (!this.#isStopped) this.#lookIn(Math.min(Math.max(nextInMs, leastWaitMs), mostWaitMs))
  }

  /** @returns when to look again, in ms. Never rejects. */
  async #look(): Promise<number> {
    try {
      const startedAt = performance.now()
      const { now, due, nextAt } = await this.#store.takeDue()
      const next = await Promise.all(due.map((one) => this.#fire(one, startedAt)))
      const soonest = Math.min(nextAt ?? Infinity, ...next.filter((tick) => tick !== undefined))
      return soonest - now - (performance.now() - startedAt)
    } catch (error) {
      this.#log.debug({ err: error }, 'the schedules could not be looked at')
      return mostWaitMs
    }
  }

  /** What fails here is due again when its time as taken is over. @returns its next tick */
  async #fire(due: DueSchedule, startedAt: number): Promise<number | undefined> {
    const { schedule, takenAt } = due
    const { timing } = schedule.definition
    try {
      const fired = latestTick(timing, due.due, takenAt)
      const jobId = (await this.#goesOn(schedule)) ? undefined : await this.#add(schedule, fired, takenAt, startedAt)
      const next = nextTick(timing, fired)
      await this.#store.advance(due, { fired, jobId, next })
      return next
    } catch (error) {
      this.#log.warn({ schedule: schedule.id, err: error }, 'a schedule was not fired: it is tried again')
      return undefined
    }
  }

  async #goesOn({ definition, lastJobId }: StoredSchedule): Promise<boolean> {
    if (definition.overlap === 'allow' || lastJobId === undefined) return false
    const ref = parseJobId(lastJobId)
    const job = ref && (await this.#jobs.read(ref))
    return job !== undefined && !job.done
  }

  async #add(schedule: StoredSchedule, tick: number, now: number, startedAt: number): Promise<string> {
    const { type, queue, attempts, record } = schedule.definition.job
    const ref = tickRef(queue, schedule, tick, now)
    const hasLimits = record.startWithinMs !== undefined || record.deadlineMs !== undefined
    // Frozen for a while, this process may no longer be the one that fires it.
    if (performance.now() - startedAt > takenForMs / 2) throw new Error('it took too long to get here')
    await this.#jobs.add({
      ref,
      type,
      attempts,
      createdAt: now,
      record: hasLimits ? { ...record, countsFrom: now } : record,
    })
    return ref.id
  }
}
