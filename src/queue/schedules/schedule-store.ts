import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { HeldBack } from '../model/held-back.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import { fence } from '../redis/incarnation.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import {
  decodeSchedule,
  encodeDefinition,
  type ScheduleDefinition,
  type ScheduleRef,
  type StoredSchedule,
} from './schedule-record.ts'

const putSchedule = loadScript('schedules/put-schedule')
const takeDue = loadScript('schedules/take-due-schedules')
const postponeSchedule = loadScript('schedules/postpone-schedule')
const advanceSchedules = loadScript('schedules/advance-schedules')
const removeSchedule = loadScript('schedules/remove-schedule')

/** How many schedules a tenant may have. */
export const maxSchedules = 10_000
/** How many due schedules are taken at once, and for how long. A process that needs longer must not fire them. */
const maxTaken = 250
/** A definition may have 500 KB: the job as it was sent, and its record. */
const readAtOnce = 20
const maxTakenBytes = 4 * 1024 * 1024
export const takenForMs = 5000

/** A due schedule, to be fired as of `takenAt`, in epoch ms. */
export interface DueSchedule {
  schedule: StoredSchedule
  due: number
  takenAt: number
}

/** A due tick that is done. `fired` is the latest tick, which was fired for all that were missed; `jobId` is undefined when it was skipped. */
export interface DoneTick {
  of: DueSchedule
  fired: number
  jobId: string | undefined
  next: number | undefined
}

/** The schedules in Redis, by tenant and id. */
export class ScheduleStore {
  readonly #redis: Redis
  readonly #keys: Keys
  /** Called when this process has stored a schedule. */
  onPut: (() => void) | undefined

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** The same for steps that build on each other: see {@link fence}. */
  fenced(): ScheduleStore {
    return new ScheduleStore({ redis: fence(this.#redis), keys: this.#keys })
  }

  /** Redis's clock, in epoch ms. @throws QueueUnavailableError */
  async now(): Promise<number> {
    const [seconds, micros] = await whenAvailable(this.#redis.time())
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  }

  /**
   * Replaces the schedule that the caller read, if it has not changed. `first` is its next tick, if it has one; with `goOn` its ticks
   * stay as they are. Another request may replace or remove what is stored at any time: only its revision tells whose it is.
   *
   * @throws QueueUnavailableError
   */
  async put(
    ref: ScheduleRef,
    before: StoredSchedule | undefined,
    definition: ScheduleDefinition,
    ticks: 'goOn' | { first: number | undefined },
  ): Promise<{ revision: string } | 'changed' | 'full'> {
    const json = encodeDefinition(definition)
    const era = ticks === 'goOn' ? ['', ''] : [randomUUID(), ticks.first ?? '']
    const revision = randomUUID()
    const args = [before?.revision ?? '', revision, json, maxSchedules, ...era]
    const reply = await whenAvailable(putSchedule(this.#redis, this.#keysOf(ref), [ref.id, memberOf(ref), ...args]))
    const outcome = z.enum(['stored', 'changed', 'full']).parse(reply)
    if (outcome !== 'stored') return outcome
    this.onPut?.()
    return { revision }
  }

  /** @throws QueueUnavailableError */
  async read(ref: ScheduleRef): Promise<StoredSchedule | undefined> {
    const hash = await whenAvailable(this.#redis.hgetall(this.#keys.schedule(ref.tenant, ref.id)))
    return decodeSchedule(ref, hash)
  }

  /** The next `count` schedules of a tenant after an id, by id. Few are read at once. @throws QueueUnavailableError */
  async *list(
    tenant: string,
    behind: string | undefined,
    count: number,
  ): AsyncGenerator<StoredSchedule, void, undefined> {
    const from = behind === undefined ? '-' : `(${behind}`
    const ids = await whenAvailable(
      this.#redis.zrangebylex(this.#keys.schedulesOf(tenant), from, '+', 'LIMIT', 0, count),
    )
    for (let from = 0; from < ids.length; from += readAtOnce) {
      const some = ids.slice(from, from + readAtOnce)
      const read = await Promise.all(some.map((id) => this.read({ tenant, id })))
      yield* read.filter((schedule) => schedule !== undefined)
    }
  }

  /** @param revision which it must have; absent: any. @throws QueueUnavailableError */
  async remove(ref: ScheduleRef, revision = ''): Promise<'removed' | 'absent' | 'changed'> {
    const args = [ref.id, memberOf(ref), revision]
    const reply = await whenAvailable(removeSchedule(this.#redis, this.#keysOf(ref), args))
    if (reply === 1) return 'removed'
    return reply === 0 ? 'absent' : 'changed'
  }

  /** When the next schedule is due, in epoch ms; undefined: none is stored. @throws what Redis says */
  async nextAt(): Promise<number | undefined> {
    const [, score] = await this.#redis.zrange(this.#keys.dueSchedules, 0, '0', 'WITHSCORES')
    return score === undefined ? undefined : Number(score)
  }

  /** Takes the schedules that are due at `now`: no other process gets them for {@link takenForMs}. `nextAt` is when the next one is due. */
  async takeDue(): Promise<{ now: number; due: DueSchedule[]; nextAt: number | undefined }> {
    const args = [maxTaken, takenForMs, this.#keys.schedulePrefix, maxTakenBytes]
    const [now, next, ...taken] = takenSchema.parse(await takeDue(this.#redis, [this.#keys.dueSchedules], args))
    const due = taken.flatMap(([member, fields, takenAt]): DueSchedule[] => {
      const schedule = decodeSchedule(refOf(member), pairUp(fields))
      return schedule?.next === undefined ? [] : [{ schedule, due: schedule.next, takenAt: Number(takenAt) }]
    })
    return { now, due, nextAt: next === null ? undefined : Number(next) }
  }

  /** Completes due ticks, all in one call. */
  async advance(done: DoneTick[]): Promise<void> {
    if (done.length === 0) return
    const keys = [this.#keys.dueSchedules, ...done.map(({ of }) => this.#keysOf(of.schedule)[0])]
    const args = done.flatMap(({ of: { schedule, due }, fired, jobId, next }) => [
      memberOf(schedule),
      schedule.era,
      due,
      next ?? '',
      fired,
      jobId ?? '',
    ])
    await advanceSchedules(this.#redis, keys, args)
  }

  /** There was no room for the job of a due tick: it stays due, and is tried again after `retryMs`. */
  async postpone({ schedule, due }: DueSchedule, retryMs: number, heldBack: HeldBack): Promise<void> {
    const [key, dueKey] = this.#keysOf(schedule)
    const args = [memberOf(schedule), schedule.era, due, retryMs, JSON.stringify(heldBack)]
    await postponeSchedule(this.#redis, [key, dueKey], args)
  }

  #keysOf({ tenant, id }: ScheduleRef): [schedule: string, due: string, all: string] {
    return [this.#keys.schedule(tenant, id), this.#keys.dueSchedules, this.#keys.schedulesOf(tenant)]
  }
}

const takenSchema = z
  .tuple([z.number(), z.string().nullable()])
  .rest(z.tuple([z.string(), z.array(z.string()), z.string()]))

/** Ids have no colon: the last one ends the tenant. */
function memberOf({ tenant, id }: ScheduleRef): string {
  return `${tenant}:${id}`
}

function refOf(member: string): ScheduleRef {
  const cut = member.lastIndexOf(':')
  return { tenant: member.slice(0, cut), id: member.slice(cut + 1) }
}

function pairUp(fields: string[]): Record<string, string> {
  const hash: Record<string, string> = {}
  for (let i = 0; i + 1 < fields.length; i += 2) hash[fields[i] ?? ''] = fields[i + 1] ?? ''
  return hash
}
