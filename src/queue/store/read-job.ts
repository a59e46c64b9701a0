import type { HeldAlone, WaitingQueue } from '../model/held-by.ts'
import { bullIdOf, type JobRef } from '../model/job-id.ts'
import { anonymousTenant, type PlainSecrets } from '../model/job-record.ts'
import type { Place } from '../model/place.ts'
import type { JobView, Standing } from '../model/standing.ts'
import { decodeJob, hashOf, type StoredJob } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const readScript = loadScript('store/read-job')
const explainScript = loadScript('store/explain-job')

interface Reading {
  redis: Redis
  keys: Keys
  plainSecrets: PlainSecrets | undefined
}

/**
 * A job; undefined when there is none, or with `tenant`: when that tenant has none. A job of another tenant is not read, so that it costs
 * as much as a missing one.
 *
 * @param view `small`: a large input is not read, and null in the record
 * @throws QueueUnavailableError
 */
export async function readJob(
  { redis, keys, plainSecrets }: Reading,
  ref: JobRef,
  tenant: string | undefined,
  view: JobView,
): Promise<StoredJob | undefined> {
  if (isHidden(ref, tenant)) return undefined
  return decode(ref, await whenAvailable(readScript(redis, keysOf(keys, ref), argsOf(ref, tenant, view))), plainSecrets)
}

/**
 * … and where it stands, at the same moment; undefined of a job that does not wait.
 *
 * @param of `own`: its place among the jobs of `tenant`
 */
export async function readStanding(
  { redis, keys, plainSecrets }: Reading,
  ref: JobRef,
  tenant: string | undefined,
  of: 'all' | 'own',
): Promise<{ job: StoredJob; standing: Standing | undefined } | undefined> {
  if (isHidden(ref, tenant)) return undefined
  const reply = await whenAvailable(explainScript(redis, keysOf(keys, ref), [...argsOf(ref, tenant, 'small'), of]))
  const job = decode(ref, reply, plainSecrets)
  if (!job || !isReadReply(reply)) return undefined
  const [, , , , ...waiting] = reply
  const [now] = waiting
  if (now === undefined) return { job, standing: undefined }
  const [ahead, own, isTurnOpen, endedInMinute, endedInTenMinutes, ready, holders] = waiting.slice(-7)
  return {
    job,
    standing: {
      now: Number(now),
      ahead: optionalNumber(ahead),
      ownAhead: own === -1 ? 'many' : optionalNumber(own),
      isTurnOpen: isTurnOpen === 1,
      endedInMinute: Number(endedInMinute),
      endedInTenMinutes: Number(endedInTenMinutes),
      ready: Number(ready),
      holders: String(holders).split(' ').slice(0, -1),
    },
  }
}

const isHidden = ({ bullId }: JobRef, tenant: string | undefined) =>
  bullId !== undefined && tenant !== undefined && tenant !== anonymousTenant

function keysOf(keys: Keys, ref: JobRef): string[] {
  return [
    keys.job(ref),
    keys.lock(ref),
    keys.bull(ref.queue, 'delayed'),
    keys.bull(ref.queue, 'active'),
    keys.events(ref),
    keys.index(ref.queue),
    keys.bull(ref.queue, 'meta'),
    keys.workers(ref.queue),
    keys.bull(ref.queue, 'prioritized'),
  ]
}

function argsOf(ref: JobRef, tenant: string | undefined, view: JobView): string[] {
  return [bullIdOf(ref), ref.bullId === undefined ? (tenant ?? '') : '', view]
}

function decode(ref: JobRef, reply: unknown, plainSecrets: PlainSecrets | undefined): StoredJob | undefined {
  if (!isReadReply(reply)) return undefined
  const [fields, place, lastEventId, dueAt, ...queue] = reply
  const hash = hashOf(fields)
  if (hash['name'] === undefined) return undefined
  const job = decodeJob(ref, hash, {
    place,
    lastEventId: Number(lastEventId),
    dueAt: optionalNumber(dueAt),
    queue: waitingQueue(queue),
    plainSecrets,
  })
  if (!job) throw new Error(`the record of job ${ref.id} was written by another version of Drover`)
  return job
}

type WaitingReply = (string | number | null)[]

/** The reply of read-job.lua. Lua's false arrives as null. */
function isReadReply(reply: unknown): reply is [string[], Place, string, string | null, ...WaitingReply] {
  return Array.isArray(reply) && reply.length >= 3
}

/** Undefined of a job that does not wait. */
function waitingQueue([now, paused, leftAt, beat, ...alone]: WaitingReply): WaitingQueue | undefined {
  if (now === undefined) return undefined
  return {
    now: Number(now),
    isPaused: typeof paused === 'string',
    // Where a tool of BullMQ paused it the time is ''.
    pausedAt: optionalNumber(paused || null),
    workerLeftAt: optionalNumber(leftAt),
    lastBeat: optionalNumber(beat),
    alone: heldAlone(alone),
  }
}

function heldAlone([gate, count, eligibleAt, maxRunning, running]: WaitingReply): HeldAlone {
  return {
    gate: typeof gate === 'string' ? gate : undefined,
    count: Number(count ?? 0),
    eligibleAt: optionalNumber(eligibleAt),
    maxRunning: optionalNumber(maxRunning),
    running: Number(running ?? 0),
  }
}

function optionalNumber(value: string | number | null | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value)
}
