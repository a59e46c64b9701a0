import { z } from 'zod'
import { parseJson } from './parse-json.ts'
import type { Place } from './place.ts'

/** Why a job waits although its time has come, and since when, in epoch ms. */
export interface HeldBy {
  kind: (typeof heldByKinds)[number]
  since: number
  /** Of a concurrency key or a rate; of a tenant's limit the tenant, of a type's the type, of a queue's the queue. */
  key?: string | undefined
  /** How many jobs may run at once, or start in the period of a rate. */
  limit?: number | undefined
  /** How many run. */
  running?: number | undefined
  /** When the next job of a rate may start. */
  eligibleAt?: number | undefined
}

export const heldByKinds = [
  'paused',
  'no_worker',
  'unknown_type',
  'concurrency',
  'rate',
  'tenant',
  'type',
  'queue',
] as const

/** What holds one job, as read-job.lua reads it. */
export interface HeldAlone {
  /** As slots.lua stores it. */
  gate: string | undefined
  /** As slots.lua counts jobs. */
  count: number
  eligibleAt: number | undefined
  /** How many jobs of its queue may run, and do. */
  maxRunning: number | undefined
  running: number
}

const gateSchema = z.tuple([z.number(), z.enum(['t', 'y', 'c', 'r']), z.string(), z.number()]).rest(z.unknown())
const gateKinds = { t: 'tenant', y: 'type', c: 'concurrency', r: 'rate' } as const
/** As slots.lua counts: members of a key, and below this the running ones. */
const countUnit = 2 ** 20

/** What holds a job by itself, which could start since `since`; undefined: nothing. */
export function heldByGate(
  { gate, count, eligibleAt, maxRunning, running }: HeldAlone,
  queue: string,
  since: number,
): HeldBy | undefined {
  const parsed = gate === undefined ? undefined : gateSchema.safeParse(parseJson(gate)).data
  if (parsed) {
    const [heldSince, letter, name, limit] = parsed
    const kind = gateKinds[letter]
    // `<kind>:<tenant>:<key>`, or `tenant:<tenant>` or `type:<type>`.
    const key = name
      .split(':')
      .slice(letter === 't' || letter === 'y' ? 1 : 2)
      .join(':')
    if (kind === 'rate') return { kind, since: heldSince, key, limit, eligibleAt }
    return { kind, since: heldSince, key, limit, running: count % countUnit }
  }
  if (maxRunning === undefined || running < maxRunning) return undefined
  return { kind: 'queue', since, key: queue, limit: maxRunning, running }
}

/** A worker whose last heartbeat is older than this does not count: three intervals of the heartbeat. */
export const heartbeatExpiryMs = 15_000

/** The queue of a job that waits, at one moment. Times in epoch ms. */
export interface WaitingQueue {
  now: number
  isPaused: boolean
  /** Undefined where a tool of BullMQ paused it. */
  pausedAt: number | undefined
  /** When a worker last stopped. */
  workerLeftAt: number | undefined
  /** The last heartbeat of a worker that has not stopped. */
  lastBeat: number | undefined
  /** What holds the job by itself; absent where no job was read. */
  alone?: HeldAlone
}

/** What holds the jobs of a queue that could start since `since`; undefined: nothing. */
export function heldByQueue(queue: WaitingQueue, since: number): HeldBy | undefined {
  const { now, isPaused, pausedAt = since, workerLeftAt = since, lastBeat } = queue
  if (isPaused) return { kind: 'paused', since: Math.max(since, pausedAt) }
  const isConsumed = lastBeat !== undefined && lastBeat > now - heartbeatExpiryMs
  return isConsumed ? undefined : { kind: 'no_worker', since: Math.max(since, workerLeftAt, lastBeat ?? since) }
}

/** Since when no worker has known the type of a waiting job; undefined: none has refused it since its last start. */
export function unknownSince(hash: Readonly<Record<string, string>>): number | undefined {
  const [, starts, since] = /^(\d+) (\d+)$/.exec(hash['unknownSince'] ?? '') ?? []
  return Number(starts) === Number(hash['ats'] ?? 0) + 1 ? Number(since) : undefined
}

/** Where a job waits, as clients see it: one whose time has come is queued, wherever BullMQ keeps it. */
export function shownPlace(
  place: Place,
  isUnknown: boolean,
  dueAt: number | undefined,
  now: number | undefined,
): Place {
  const isDue = isUnknown || (dueAt !== undefined && now !== undefined && dueAt <= now)
  return place === 'delayed' && isDue ? 'waiting' : place
}
