import type { Logger } from 'pino'
import type { Tracing } from '../../tracing/span.ts'
import { type Admission, describeRefusal, type Refusal } from '../admission/admission.ts'
import type { TenantLimit, TenantLimits } from '../admission/tenant-limits.ts'
import type { JobRef } from '../model/job-id.ts'
import { parseJobId } from '../model/job-id.ts'
import type { NewJob } from '../model/new-job.ts'
import { JobRefusedError } from '../model/scheduling.ts'
import type { StoredJob } from '../model/stored-job.ts'
import type { JobQueue } from '../store/job-queue.ts'
import { type ReplaceDeps, replaceOlder } from '../store/replace-older.ts'
import { type ScheduleDefinition, type StoredSchedule, tickRef } from './schedule-record.ts'
import { type DoneTick, type DueSchedule, type ScheduleStore, takenForMs } from './schedule-store.ts'
import { ticksAt } from './ticks.ts'

/** A tick for whose job there was no room is tried again after a part of the time that it has waited. */
const retryMs = { min: 500, max: 5000 }

/** What the schedules of one poll share: when it began, by `performance.now()`, and the quotas of their tenants. */
interface Poll {
  store: ScheduleStore
  startedAt: number
  limits: Map<string, Promise<TenantLimit>>
}

/** A tick, and its job as it is admitted and stored. */
interface Tick {
  of: DueSchedule
  fired: number
  next: number | undefined
  ref: JobRef
  bytes: number
}

export interface TickFirerDeps {
  jobs: JobQueue
  door: { admission: Admission; limits: TenantLimits }
  tracing?: Tracing | undefined
  replace: Omit<ReplaceDeps, 'queue'>
  log: Logger
}

/** Stores the jobs of schedules that are due. Where there is no room for a job, its tick stays due. */
export class TickFirer {
  readonly #deps: TickFirerDeps

  constructor(deps: TickFirerDeps) {
    this.#deps = deps
  }

  /**
   * Fires what was taken at one moment: the jobs of a tenant that stand for themselves are admitted and stored together. Never rejects.
   *
   * @param startedAt when it began to be taken, by `performance.now()`
   * @returns what is done. The rest is due again, after {@link takenForMs} where it failed
   */
  async fire(store: ScheduleStore, due: DueSchedule[], startedAt: number): Promise<DoneTick[]> {
    const poll: Poll = { store, startedAt, limits: new Map() }
    const groups = Map.groupBy(due.filter(standsForItself), ({ schedule }) => schedule.tenant)
    const others = due.filter((one) => !standsForItself(one))
    const fired = await Promise.all([
      ...Array.from(groups.values(), (some) => this.#fireTogether(some, poll)),
      this.#fireEach(others, poll),
    ])
    return fired.flat()
  }

  async #fireEach(due: DueSchedule[], poll: Poll): Promise<DoneTick[]> {
    const fired = await Promise.all(due.map((one) => this.#fireOne(one, poll)))
    return fired.filter((one) => one !== undefined)
  }

  /** One by one where there is no room for all, or something fails: a job that is stored twice is stored once. */
  async #fireTogether(due: DueSchedule[], poll: Poll): Promise<DoneTick[]> {
    if (due.length < 2) return this.#fireEach(due, poll)
    try {
      const ticks = due.map(tickOf)
      const tenant = due[0]?.schedule.tenant ?? ''
      const { jobs: limit, bytes: maxBytes } = await this.#limitOf(tenant, poll)
      const refs = ticks.map(({ ref }) => ref)
      const bytes = ticks.reduce((sum, tick) => sum + tick.bytes, 0)
      if (await this.#deps.door.admission.admit({ tenant, limit, maxBytes, refs, bytes }))
        return await this.#fireEach(due, poll)
      refuseLate(poll)
      const spans = ticks.map((tick) => this.#publish(tick))
      await this.#deps.jobs.addMany(ticks.map((tick, n) => newJob(tick, limit !== undefined, spans[n]?.traceparent)))
      for (const span of spans) span?.end()
      return ticks.map(({ of, fired, next, ref }) => ({ of, fired, next, jobId: ref.id }))
    } catch (error) {
      this.#deps.log.debug({ schedules: due.length, err: error }, 'failed to fire schedules together; one by one')
      return this.#fireEach(due, poll)
    }
  }

  async #fireOne(due: DueSchedule, poll: Poll): Promise<DoneTick | undefined> {
    const { schedule } = due
    try {
      const tick = tickOf(due)
      const { fired, next } = tick
      if (await this.#isSkipped(schedule)) return { of: due, fired, next, jobId: undefined }
      const added = await this.#admitAndAdd(tick, poll)
      if (added === undefined || typeof added === 'string') return { of: due, fired, next, jobId: added }
      await this.#holdBack(poll.store, due, added)
    } catch (error) {
      this.#deps.log.warn({ schedule: schedule.id, err: error }, 'failed to fire a schedule; it is retried')
    }
    return undefined
  }

  async #isSkipped({ definition, lastJobId }: StoredSchedule): Promise<boolean> {
    if (definition.overlap === 'allow' || lastJobId === undefined) return false
    const ref = parseJobId(lastJobId)
    const job = ref && (await this.#deps.jobs.read(ref))
    return job !== undefined && !job.done
  }

  #limitOf(tenant: string, { limits }: Poll): Promise<TenantLimit> {
    const asked = limits.get(tenant) ?? this.#deps.door.limits.of(tenant)
    limits.set(tenant, asked)
    return asked
  }

  /** @returns the id of the job; why there is no room for it; undefined: another job has its unique key, or its concurrency key is full */
  async #admitAndAdd(tick: Tick, poll: Poll): Promise<string | Refusal | undefined> {
    const { jobs, door, replace } = this.#deps
    const { tenant, definition } = tick.of.schedule
    const { ref, bytes } = tick
    const { jobs: limit, bytes: maxBytes } = await this.#limitOf(tenant, poll)
    const entrants = { tenant, limit, maxBytes, refs: [ref], bytes }
    const refusal = await door.admission.admit(entrants)
    // A process that died before it could say so may have stored it.
    if (refusal) return (await jobs.read(ref)) ? ref.id : refusal
    refuseLate(poll)
    const added = await this.#add(tick, limit !== undefined)
    const deduplicated = added?.deduplicated
    if (added && (!deduplicated || deduplicated.canceled)) {
      if (definition.job.record.concurrency?.onFull === 'replace')
        await replaceOlder({ ...replace, queue: jobs }, added)
      return ref.id
    }
    await door.admission.withdraw(entrants)
    return deduplicated?.how === 'replaced' ? deduplicated.id : undefined
  }

  /** @returns undefined where its concurrency key is full */
  async #add(tick: Tick, isLimited: boolean): Promise<StoredJob | undefined> {
    const span = this.#publish(tick)
    const added = await this.#deps.jobs.add(newJob(tick, isLimited, span?.traceparent)).catch((error: unknown) => {
      if (error instanceof JobRefusedError) return undefined
      throw error
    })
    // A tick that was not stored is fired again, with a span of its own.
    span?.end()
    return added
  }

  async #holdBack(store: ScheduleStore, due: DueSchedule, refusal: Refusal): Promise<void> {
    const { schedule } = due
    const before = schedule.heldBack
    if (!before) this.#deps.log.info({ schedule: schedule.id, reason: refusal.reason }, 'a schedule waits for room')
    const heldBack = { reason: refusal.reason, detail: describeRefusal(refusal), since: before?.since ?? due.takenAt }
    const waitedMs = due.takenAt - heldBack.since
    const retryInMs = Math.round(Math.min(Math.max(waitedMs / 4, retryMs.min), retryMs.max))
    await store.postpone(due, retryInMs, heldBack)
  }

  /** Begins the span of a submission; undefined where there are no traces. */
  #publish({ of: { schedule }, ref }: Tick) {
    const { type, record } = schedule.definition.job
    return this.#deps.tracing?.start({
      name: `publish ${ref.queue}`,
      kind: 'producer',
      parent: record.traceparent,
      attributes: {
        'messaging.system': 'drover',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.destination.name': ref.queue,
        'messaging.message.id': ref.id,
        'drover.job.type': type,
        'drover.schedule.id': schedule.id,
      },
    })
  }
}

/** Whether whatever other jobs do has no bearing on the job of a tick. */
function standsForItself({ schedule: { definition, lastJobId } }: DueSchedule): boolean {
  const { unique, debounce, concurrency, rate } = definition.job.record
  return (definition.overlap === 'allow' || lastJobId === undefined) && !(unique || debounce || concurrency || rate)
}

function tickOf(of: DueSchedule): Tick {
  const { timing, job } = of.schedule.definition
  const { fired, next } = ticksAt(timing, of.due, of.takenAt)
  const bytes = JSON.stringify(job.record.input).length
  return { of, fired, next, ref: tickRef(job.queue, of.schedule, fired, of.takenAt), bytes }
}

/** @throws Error where this process was frozen: another one may have taken the schedules */
function refuseLate({ startedAt }: Poll): void {
  if (performance.now() - startedAt > takenForMs / 2) throw new Error('the schedule was taken too long ago')
}

function newJob({ of, ref }: Tick, isLimited: boolean, traceparent: string | undefined): NewJob {
  const { type, attempts, record } = of.schedule.definition.job
  const now = of.takenAt
  const hasLimits = record.startWithinMs !== undefined || record.deadlineMs !== undefined
  const dueAt = now + (record.debounce?.quietMs ?? 0)
  return {
    ref,
    type,
    attempts,
    createdAt: now,
    ...(dueAt > now && { runAt: dueAt }),
    record: {
      ...(traceparent === undefined ? record : inTrace(record, traceparent)),
      ...(isLimited && { limited: true as const }),
      ...(hasLimits && { countsFrom: dueAt }),
    },
  }
}

/** The record of a job with another trace, also of its webhook. */
function inTrace(record: ScheduleDefinition['job']['record'], traceparent: string): typeof record {
  return { ...record, traceparent, ...(record.webhook && { webhook: { ...record.webhook, traceparent } }) }
}
