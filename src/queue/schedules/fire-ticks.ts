import type { Logger } from 'pino'
import type { OpenSpan, Tracing } from '../../tracing/span.ts'
import { type Admission, describeRefusal, type Refusal } from '../admission/admission.ts'
import type { TenantLimit, TenantLimits } from '../admission/tenant-limits.ts'
import { type JobRef, parseJobId } from '../model/job-id.ts'
import type { NewJob } from '../model/new-job.ts'
import { JobRefusedError } from '../model/scheduling.ts'
import type { StoredJob } from '../model/stored-job.ts'
import type { JobQueue } from '../store/job-queue.ts'
import { type ReplaceDeps, replaceOlder } from '../store/replace-older.ts'
import { type StoredSchedule, tickRef } from './schedule-record.ts'
import { type DoneTick, type DueSchedule, type ScheduleStore, takenForMs } from './schedule-store.ts'
import { publishSpan, tickJob } from './tick-job.ts'
import { ticksAt } from './ticks.ts'

/** A tick for whose job there was no room is tried again after a part of the time that it has waited. */
const retryMs = { min: 500, max: 5000 }

/** What the schedules of one poll share: when it began, by `performance.now()`, and the quotas of their tenants. */
interface Poll {
  store: ScheduleStore
  startedAt: number
  limits: Map<string, Promise<TenantLimit>>
}

/** A due tick, and the job that it stores. */
interface Tick {
  of: DueSchedule
  fired: number
  next: number | undefined
  ref: JobRef
}

export interface TickFirerDeps {
  jobs: JobQueue
  door: { admission: Admission; limits: TenantLimits }
  tracing?: Tracing | undefined
  replace: Omit<ReplaceDeps, 'queue'>
  log: Logger
}

/** Stores the jobs of due ticks. Those of one tenant and queue pass admission together, and are stored by one call for many. */
export class TickFirer {
  readonly #jobs: JobQueue
  readonly #replace: Omit<ReplaceDeps, 'queue'>
  readonly #door: { admission: Admission; limits: TenantLimits }
  readonly #tracing: Tracing | undefined
  readonly #log: Logger

  constructor(deps: TickFirerDeps) {
    this.#jobs = deps.jobs
    this.#replace = deps.replace
    this.#door = deps.door
    this.#tracing = deps.tracing
    this.#log = deps.log
  }

  /**
   * Fires due schedules, which a poll that began at `startedAt` (`performance.now()`) took from `store`. Never rejects: a schedule that fails is
   * due again after {@link takenForMs}, and one without room for its job is held back.
   *
   * @returns the ticks that are done
   */
  async fire(store: ScheduleStore, due: DueSchedule[], startedAt: number): Promise<DoneTick[]> {
    const poll: Poll = { store, startedAt, limits: new Map() }
    const [ready, looks]: [Tick[], Promise<DoneTick[]>[]] = [[], []]
    for (const one of due) {
      const tick = this.#tickOf(one)
      if (tick && mayOverlap(one.schedule)) looks.push(this.#fireUnlessSkipped(tick, poll))
      else if (tick) ready.push(tick)
    }
    const together = [...Map.groupBy(ready, groupOf)].map(([, some]) => this.#fireGroup(some, poll))
    return (await Promise.all([...together, ...looks])).flat()
  }

  #tickOf(of: DueSchedule): Tick | undefined {
    const { schedule, due, takenAt } = of
    const { timing, job } = schedule.definition
    try {
      const { fired, next } = ticksAt(timing, due, takenAt)
      return { of, fired, next, ref: tickRef(job.queue, schedule, fired, takenAt) }
    } catch (error) {
      this.#warn(of, error)
      return undefined
    }
  }

  /** Each by itself where one of them has keys, has no room or fails: it must not hold back the others. */
  async #fireGroup(ticks: Tick[], poll: Poll): Promise<DoneTick[]> {
    const [first] = ticks
    if (first && ticks.length > 1 && !hasKeys(first)) {
      try {
        if (await this.#addTogether(ticks, first, poll)) return ticks.map((tick) => done(tick, tick.ref.id))
      } catch (error) {
        this.#log.debug(
          { schedules: ticks.length, err: error },
          'failed to fire schedules together; each is fired alone',
        )
      }
    }
    return (await Promise.all(ticks.map((tick) => this.#fireAlone(tick, poll)))).flat()
  }

  /** @returns false where there is no room for all */
  async #addTogether(ticks: Tick[], { of: { schedule } }: Tick, poll: Poll): Promise<boolean> {
    const { tenant } = schedule
    const { jobs: limit, bytes: maxBytes } = await this.#limitOf(tenant, poll)
    const bytes = ticks.reduce((sum, tick) => sum + inputBytes(tick), 0)
    const refs = ticks.map(({ ref }) => ref)
    if (await this.#door.admission.admit({ tenant, limit, maxBytes, refs, bytes })) return false
    assertInTime(poll)
    const added = ticks.map((tick) => this.#newJob(tick, limit !== undefined))
    await this.#jobs.addMany(added.map(({ job }) => job))
    for (const { span } of added) span?.end()
    return true
  }

  async #fireUnlessSkipped(tick: Tick, poll: Poll): Promise<DoneTick[]> {
    const { lastJobId = '' } = tick.of.schedule
    try {
      const ref = parseJobId(lastJobId)
      const job = ref && (await this.#jobs.read(ref))
      if (job && !job.done) return [done(tick, undefined)]
    } catch (error) {
      this.#warn(tick.of, error)
      return []
    }
    return this.#fireAlone(tick, poll)
  }

  /** @returns none where it failed or is held back */
  async #fireAlone(tick: Tick, poll: Poll): Promise<DoneTick[]> {
    try {
      const added = await this.#admitAndAdd(tick, poll)
      if (added === undefined || typeof added === 'string') return [done(tick, added)]
      await this.#holdBack(poll.store, tick.of, added)
    } catch (error) {
      this.#warn(tick.of, error)
    }
    return []
  }

  /** @returns the id of the job; why there is no room for it; undefined: another job has its unique key, or its concurrency key is full */
  async #admitAndAdd(tick: Tick, poll: Poll): Promise<string | Refusal | undefined> {
    const { ref } = tick
    const { tenant, definition } = tick.of.schedule
    const { jobs: limit, bytes: maxBytes } = await this.#limitOf(tenant, poll)
    const entrants = { tenant, limit, maxBytes, refs: [ref], bytes: inputBytes(tick) }
    const refusal = await this.#door.admission.admit(entrants)
    // A process that died before it could say so may have stored it.
    if (refusal) return (await this.#jobs.read(ref)) ? ref.id : refusal
    assertInTime(poll)
    const added = await this.#add(tick, limit !== undefined)
    const deduplicated = added?.deduplicated
    if (added && (!deduplicated || deduplicated.canceled)) {
      if (definition.job.record.concurrency?.onFull === 'replace')
        await replaceOlder({ ...this.#replace, queue: this.#jobs }, added)
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
  async #add(tick: Tick, isLimited: boolean): Promise<StoredJob | undefined> {
    const { job, span } = this.#newJob(tick, isLimited)
    const added = await this.#jobs.add(job).catch((error: unknown) => {
      if (error instanceof JobRefusedError) return undefined
      throw error
    })
    // A tick that was not stored is fired again, with a span of its own.
    span?.end()
    return added
  }

  #newJob({ of: { schedule, takenAt }, ref }: Tick, isLimited: boolean): { job: NewJob; span: OpenSpan | undefined } {
    const span = this.#tracing && publishSpan(this.#tracing, schedule, ref)
    return { job: tickJob(schedule, ref, { now: takenAt, isLimited, traceparent: span?.traceparent }), span }
  }

  #limitOf(tenant: string, { limits }: Poll): Promise<TenantLimit> {
    const asked = limits.get(tenant) ?? this.#door.limits.of(tenant)
    limits.set(tenant, asked)
    return asked
  }

  #warn({ schedule }: DueSchedule, error: unknown): void {
    this.#log.warn({ schedule: schedule.id, err: error }, 'failed to fire a schedule; it is retried')
  }
}

const done = ({ of, fired, next }: Tick, jobId: string | undefined): DoneTick => ({ of, fired, jobId, next })

/** Whether the job of the tick before may still be under way, and that matters. */
const mayOverlap = ({ definition: { overlap }, lastJobId }: StoredSchedule) =>
  overlap !== 'allow' && lastJobId !== undefined

/** Ticks that can be stored together: of one tenant and queue, without keys. */
const groupOf = (tick: Tick) => `${tick.ref.queue} ${hasKeys(tick)} ${tick.of.schedule.tenant}`

function hasKeys({ of }: Tick): boolean {
  const { unique, debounce, concurrency, rate } = of.schedule.definition.job.record
  return Boolean(unique ?? debounce ?? concurrency ?? rate)
}

const inputBytes = ({ of }: Tick) => JSON.stringify(of.schedule.definition.job.record.input).length

/** This process was frozen: another one may have taken the schedules. */
function assertInTime({ startedAt }: Poll): void {
  if (performance.now() - startedAt > takenForMs / 2) throw new Error('the schedule was taken too long ago')
}
