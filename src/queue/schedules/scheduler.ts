import type { Logger } from 'pino'
import { parseJobId } from '../model/job-id.ts'
import type { JobQueue } from '../store/job-queue.ts'
import { type StoredSchedule, tickRef } from './schedule-record.ts'
import { type DueSchedule, type ScheduleStore, takenForMs } from './schedule-store.ts'
import { latestTick, nextTick } from './ticks.ts'

/** The interval of polling, unless a schedule is due sooner: finds new schedules, and retries after an error. */
const maxWaitMs = 1000
const minWaitMs = 5

/**
 * Stores the jobs of schedules when they are due. Every process may run a scheduler: each due schedule is taken by one of them, and by
 * another when that one dies, which stores the same job under the same id. Of missed ticks the latest is fired. Needs no leader: see
 * take-due-schedules.lua.
 */
export class Scheduler {
  readonly #store: ScheduleStore
  readonly #jobs: JobQueue
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> | undefined
  #isStopped = true

  constructor(deps: { store: ScheduleStore; jobs: JobQueue; log: Logger }) {
    this.#store = deps.store
    this.#jobs = deps.jobs
    this.#log = deps.log
  }

  /** Polls for due schedules. May be called twice. */
  start(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.#pollIn(minWaitMs)
  }

  /** Resolves when the schedules that were taken are fired. May be called twice. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#polling
  }

  #pollIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#polling = this.#pollAndRepeat()
    }, ms)
  }

  async #pollAndRepeat(): Promise<void> {
    const nextInMs = await this.#poll()
    if (!this.#isStopped) this.#pollIn(Math.min(Math.max(nextInMs, minWaitMs), maxWaitMs))
  }

  /** @returns ms until the next poll. Never rejects. */
  async #poll(): Promise<number> {
    try {
      const startedAt = performance.now()
      const { now, due, nextAt } = await this.#store.takeDue()
      const next = await Promise.all(due.map((one) => this.#fire(one, startedAt)))
      const soonest = Math.min(nextAt ?? Infinity, ...next.filter((tick) => tick !== undefined))
      return soonest - now - (performance.now() - startedAt)
    } catch (error) {
      this.#log.debug({ err: error }, 'failed to read due schedules; the next poll retries')
      return maxWaitMs
    }
  }

  /** A schedule that fails here is due again after {@link takenForMs}. @returns its next tick */
  async #fire(due: DueSchedule, startedAt: number): Promise<number | undefined> {
    const { schedule, takenAt } = due
    const { timing } = schedule.definition
    try {
      const fired = latestTick(timing, due.due, takenAt)
      const jobId = (await this.#isSkipped(schedule)) ? undefined : await this.#add(schedule, fired, takenAt, startedAt)
      const next = nextTick(timing, fired)
      await this.#store.advance(due, { fired, jobId, next })
      return next
    } catch (error) {
      this.#log.warn({ schedule: schedule.id, err: error }, 'failed to fire a schedule; it is retried')
      return undefined
    }
  }

  async #isSkipped({ definition, lastJobId }: StoredSchedule): Promise<boolean> {
    if (definition.overlap === 'allow' || lastJobId === undefined) return false
    const ref = parseJobId(lastJobId)
    const job = ref && (await this.#jobs.read(ref))
    return job !== undefined && !job.done
  }

  async #add(schedule: StoredSchedule, tick: number, now: number, startedAt: number): Promise<string> {
    const { type, queue, attempts, record } = schedule.definition.job
    const ref = tickRef(queue, schedule, tick, now)
    const hasLimits = record.startWithinMs !== undefined || record.deadlineMs !== undefined
    // This process was frozen: another one may have taken the schedule.
    if (performance.now() - startedAt > takenForMs / 2) throw new Error('the schedule was taken too long ago')
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
