import { z } from 'zod'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const measureJobs = loadScript('bullmq/measure-jobs')

/** Where jobs are. */
const places = [
  { set: 'completed', kind: 'set' },
  { set: 'failed', kind: 'set' },
  { set: 'prioritized', kind: 'set' },
  { set: 'held', kind: 'set' },
  { set: 'delayed', kind: 'set' },
  { set: 'waiting-children', kind: 'set' },
  { set: 'active', kind: 'list' },
  { set: 'wait', kind: 'list' },
] as const

/** Of a longer set some runs of jobs are measured, evenly spread, and stand for all. */
const maxMeasured = 10_000
/** Bounds of one call. */
const run = { jobs: 200, bytes: 2 * 1024 * 1024 }

const measuredSchema = z.tuple([z.int(), z.coerce.number(), z.array(z.coerce.string())])

/** About what is stored, in bytes. */
export interface StoredBytes {
  byTenant: Map<string, number>
  /** The tenants of ended jobs, as far as they were measured. */
  withEnded: Set<string>
  /** … of jobs that wait in a queue or run. */
  withOpen: Set<string>
  /** Of jobs that have not ended. */
  waiting: number
  /** Of ended jobs, and of those among them that ended too lately to be evicted. */
  ended: number
  young: number
}

/**
 * Measures jobs, all where there are few: by the lengths of what is written of them, since nothing is counted when jobs are stored and end.
 * See docs/adr/0048.
 *
 * @param endedBefore epoch ms: what ended later is young
 * @throws QueueUnavailableError
 */
export async function measureBytes(
  deps: { redis: Redis; keys: Keys },
  queues: Iterable<string>,
  endedBefore: number,
): Promise<StoredBytes> {
  const tenants = { byTenant: new Map(), withEnded: new Set<string>(), withOpen: new Set<string>() }
  const stored: StoredBytes = { ...tenants, waiting: 0, ended: 0, young: 0 }
  for (const queue of queues) {
    for (const place of places) await measurePlace(deps, { queue, ...place, endedBefore }, stored)
  }
  return stored
}

interface MeasuredPlace {
  queue: string
  set: (typeof places)[number]['set']
  kind: 'set' | 'list'
  endedBefore: number
}

async function measurePlace(
  deps: { redis: Redis; keys: Keys },
  place: MeasuredPlace,
  stored: StoredBytes,
): Promise<void> {
  const { redis, keys } = deps
  const key = keys.bull(place.queue, place.set)
  const length = await whenAvailable(place.kind === 'list' ? redis.llen(key) : redis.zcard(key))
  if (length === 0) return
  const isWhole = length <= maxMeasured
  const runs = isWhole ? 1 : maxMeasured / run.jobs
  const perRun = isWhole ? length : run.jobs
  const found: MeasuredRun = { measured: 0, young: 0, tenants: new Map() }
  for (let n = 0; n < runs; n++) {
    const room = length / runs - perRun
    await measureRun(deps, place, Math.floor(n * (length / runs) + (isWhole ? 0 : Math.random() * room)), perRun, found)
  }
  const scale = found.measured === 0 ? 0 : length / found.measured
  for (const [tenant, bytes] of found.tenants) {
    stored.byTenant.set(tenant, (stored.byTenant.get(tenant) ?? 0) + bytes * scale)
    const isEnded = place.set === 'completed' || place.set === 'failed'
    stored[isEnded ? 'ended' : 'waiting'] += bytes * scale
    if (isEnded) stored.withEnded.add(tenant)
    else if (place.set !== 'waiting-children') stored.withOpen.add(tenant)
  }
  stored.young += found.young * scale
}

interface MeasuredRun {
  measured: number
  young: number
  tenants: Map<string, number>
}

/** Measures the jobs of the ranks `from` to `from + count`, in calls of bounded size. */
async function measureRun(
  { redis, keys }: { redis: Redis; keys: Keys },
  { queue, set, kind, endedBefore }: MeasuredPlace,
  from: number,
  count: number,
  found: MeasuredRun,
): Promise<void> {
  for (let at = from; at < from + count; ) {
    const jobs = Math.min(run.jobs, from + count - at)
    const args = [keys.bull(queue, ''), kind, at, jobs, run.bytes, endedBefore]
    const reply = await whenAvailable(measureJobs(redis, [keys.bull(queue, set)], args))
    const [looked, young, texts] = measuredSchema.parse(reply)
    if (looked === 0) return
    at += looked
    found.measured += looked
    found.young += young
    for (let i = 0; i + 2 < texts.length; i += 3) {
      const [tenant = '', , bytes] = texts.slice(i, i + 3)
      found.tenants.set(tenant, (found.tenants.get(tenant) ?? 0) + Number(bytes))
    }
  }
}
