import type { Logger } from 'pino'
import type { Tracing } from '../../tracing/span.ts'
import { type Admission, describeRefusal, type Refusal } from '../admission/admission.ts'
import type { TenantLimit, TenantLimits } from '../admission/tenant-limits.ts'
import type { JobRef } from '../model/job-id.ts'
import { parseJobId } from '../model/job-id.ts'
import { redisNow } from '../model/redis-time.ts'
import { JobRefusedError } from '../model/scheduling.ts'
import type { StoredJob } from '../model/stored-job.ts'
import type { JobQueue } from '../store/job-queue.ts'
import { type ReplaceDeps, replaceOlder } from '../store/replace-older.ts'
import { type StoredSchedule, tickRef } from './schedule-record.ts'
import { type DoneTick, type DueSchedule, type ScheduleStore, takenForMs } from './schedule-store.ts'
import { publishSpan, tickJob } from './tick-job.ts'
import { ticksAt } from './ticks.ts'

/**
 * The interval of polling, unless a schedule is due sooner: finds new schedules, and retries after an error. The process that has stored a
 * schedule does not wait: where there was none, another one finds it late.
 */
const maxWaitMs = { some: 1000, none: 5000 }
const minWaitMs = 5
/** A tick for whose job there was no room is tried again after a part of the time that it has waited. */
const retryMs = { min: 500, max: 5000 }

/** What the schedules of one poll share: when it began, by `performance.now()`, and the quotas of their tenants. */
interface Poll {
  startedAt: number
  limits: Map<string, Promise<TenantLimit>>
}

/**
 * Stores the jobs of schedules when they are due. Every process may run a scheduler: each due schedule is taken by one of them, and by
 * another when that one dies, which stores the same job under the same id. Of missed ticks the latest is fired. Needs no leader: see
 * take-due-schedules.lua. Where there is no room for a job, its tick stays due: it is tried again until the next one is due.
 */
export class Scheduler {
  readonly #store: ScheduleStore
  readonly #jobs: JobQueue
  readonly #replace: Omit<ReplaceDeps, 'queue'>
  readonly #door: { admission: Admission; limits: TenantLimits }
  readonly #tracing: Tracing | undefined
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> | undefined
  #isStopped = true
  /** Since the last poll began. */
  #isWoken = false

  constructor(deps: {
    store: ScheduleStore
    jobs: JobQueue
    door: { admission: Admission; limits: TenantLimits }
    tracing?: Tracing | undefined
    replace: Omit<ReplaceDeps, 'queue'>
    log: Logger
  }) {
    this.#store = deps.store
    this.#jobs = deps.jobs
    this.#replace = deps.replace
    this.#door = deps.door
    this.#tracing = deps.tracing
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
      const startedAt = performance.now()
      const soonestAt = await this.#store.nextAt()
      if (soonestAt === undefined) return maxWaitMs.none
      if (soonestAt > redisNow()) return Math.min(soonestAt - redisNow(), maxWaitMs.some)
      // A tick is not done where its job may be lost again.
      const store = this.#store.fenced()
      const { now, due, nextAt } = await store.takeDue()
      const limits = new Map<string, Promise<TenantLimit>>()
      const fired = await Promise.all(due.map((one) => this.#fire(store, one, { startedAt, limits })))
      const next = await this.#advance(
        store,
        fired.filter((one) => one !== undefined),
      )
      const soonest = Math.min(nextAt ?? Infinity, ...next)
      return Math.min(soonest - now - (performance.now() - startedAt), maxWaitMs.some)
    } catch (error) {
      this.#log.debug({ err: error }, 'failed to read due schedules; the next poll retries')
      return maxWaitMs.some
    }
  }

  /** Writes what was done of a poll, in one call. @returns the next ticks */
  async #advance(store: ScheduleStore, done: DoneTick[]): Promise<number[]> {
    try {
      await store.advance(done)
      return done.flatMap(({ next }) => next ?? [])
    } catch (error) {
      // Their jobs are stored: firing them again stores none.
      this.#log.warn({ schedules: done.length, err: error }, 'failed to advance schedules; they are fired again')
      return []
    }
  }

  /** A schedule that fails here is due again after {@link takenForMs}. */
  async #fire(store: ScheduleStore, due: DueSchedule, poll: Poll): Promise<DoneTick | undefined> {
    const { schedule, takenAt } = due
    const { timing } = schedule.definition
    try {
      const { fired, next } = ticksAt(timing, due.due, takenAt)
      let jobId: string | undefined
      if (!(await this.#isSkipped(schedule))) {
        const added = await this.#admitAndAdd(schedule, fired, takenAt, poll)
        if (added !== undefined && typeof added !== 'string') {
          await this.#holdBack(store, due, added)
          return undefined
        }
        jobId = added
      }
      return { of: due, fired, jobId, next }
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

  /** @returns the id of the job; why there is no room for it; undefined: another job has its unique key, or its concurrency key is full */
  async #admitAndAdd(
    schedule: StoredSchedule,
    tick: number,
    now: number,
    { startedAt, limits }: Poll,
  ): Promise<string | Refusal | undefined> {
    const { queue, record } = schedule.definition.job
    const ref = tickRef(queue, schedule, tick, now)
    const asked = limits.get(schedule.tenant) ?? this.#door.limits.of(schedule.tenant)
    limits.set(schedule.tenant, asked)
    const { jobs: limit, bytes: maxBytes } = await asked
    const bytes = JSON.stringify(record.input).length
    const entrants = { tenant: schedule.tenant, limit, maxBytes, refs: [ref], bytes }
    const refusal = await this.#door.admission.admit(entrants)
    // A process that died before it could say so may have stored it.
    if (refusal) return (await this.#jobs.read(ref)) ? ref.id : refusal
    const added = await this.#add(schedule, ref, { now, startedAt, isLimited: limit !== undefined })
    const deduplicated = added?.deduplicated
    if (added && (!deduplicated || deduplicated.canceled)) {
      if (record.concurrency?.onFull === 'replace') await replaceOlder({ ...this.#replace, queue: this.#jobs }, added)
      return ref.id
    }
    await this.#door.admission.withdraw(entrants)
    return deduplicated?.how === 'replaced' ? deduplicated.id : undefined
  }

  async #holdBack(store: ScheduleStore, due: DueSchedule, refusal: Refusal): Promise<void> {
    const { schedule } = due
    const before = schedule.heldBack
    if (!before) this.#log.info({ schedule: schedule.id, reason: refusal.reason }, 'a schedule waits for room')
    const heldBack = { reason: refusal.reason, detail: describeRefusal(refusal), since: before?.since ?? due.takenAt }
    const waitedMs = due.takenAt - heldBack.since
    const retryInMs = Math.round(Math.min(Math.max(waitedMs / 4, retryMs.min), retryMs.max))
    await store.postpone(due, retryInMs, heldBack)
  }

  /** @returns undefined where its concurrency key is full */
  async #add(
    schedule: StoredSchedule,
    ref: JobRef,
    { now, startedAt, isLimited }: { now: number; startedAt: number; isLimited: boolean },
  ): Promise<StoredJob | undefined> {
    // This process was frozen: another one may have taken the schedule.
    if (performance.now() - startedAt > takenForMs / 2) throw new Error('the schedule was taken too long ago')
    const span = this.#tracing && publishSpan(this.#tracing, schedule, ref)
    const job = tickJob(schedule, ref, { now, isLimited, traceparent: span?.traceparent })
    const added = await this.#jobs.add(job).catch((error: unknown) => {
      if (error instanceof JobRefusedError) return undefined
      throw error
    })
    // A tick that was not stored is fired again, with a span of its own.
    span?.end()
    return added
  }
}
