import { ulidTime } from '../model/job-id.ts'
import {
  errorLabel,
  fingerprintLabel,
  type Label,
  labelEntry,
  labeledStates,
  metadataLabel,
  parentLabel,
  stateLabel,
  tagLabel,
} from '../model/job-label.ts'
import type { JobState } from '../model/job-states.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { type Conditions, IndexWalk, KnownJobs, type Section, type SectionOptions } from './index-section.ts'

const readKnown = loadScript('store/known-jobs')

/** What a job must have. */
export interface JobFilter {
  state?: JobState | undefined
  type?: string | undefined
  tag?: string | undefined
  /** The job whose handler has submitted it. */
  parent?: string | undefined
  /** Of keys that have an index: key and value. */
  metadata?: [string, string][]
  /** It ended with this code of its error. */
  errorCode?: string | undefined
  /** It failed with this fingerprint. */
  fingerprint?: string | undefined
}

/** The sets of BullMQ in which all jobs of a state are, and where others may be, too. */
const homes: Partial<Record<JobState, { lists: string[]; sets: string[] }>> = {
  running: { lists: ['active'], sets: [] },
  scheduled: { lists: [], sets: ['delayed'] },
  // A delayed job whose time has come is queued.
  queued: { lists: ['wait'], sets: ['prioritized', 'held', 'delayed'] },
  blocked: { lists: [], sets: ['waiting-children'] },
}
const ends = ['completed', 'failed']

/** In which sorted set a job of a state is, or in which it is not: enough to skip most others. */
const sieves: Record<JobState, { in?: string; notIn: string[] }> = {
  running: { notIn: [...ends, 'delayed', 'prioritized', 'held', 'waiting-children'] },
  scheduled: { in: 'delayed', notIn: [] },
  queued: { notIn: [...ends, 'waiting-children'] },
  blocked: { notIn: [...ends, 'delayed', 'prioritized', 'held'] },
  succeeded: { in: 'completed', notIn: [] },
  failed: { in: 'failed', notIn: [] },
  canceled: { in: 'failed', notIn: [] },
  expired: { in: 'failed', notIn: [] },
}

/** The jobs of a state in one queue are taken from BullMQ's own set where it has no more than these: one call of about 3 ms. */
const maxKnown = 20_000

/** The last time that a ULID can hold. Bounds outside of the times of ULIDs are moved to the nearest. */
const lastTime = 2 ** 48 - 1
const ulidBound = (ms: number): string => ulidTime(Math.min(Math.max(ms, 0), lastTime))

type Search = { tenant: string; filter: JobFilter; behind: string | undefined; from: number; to: number }

/**
 * How to search a queue: along the shortest of the lists that have all jobs that can match. Jobs below the ULID `labeledSince` may lack labels.
 *
 * @throws QueueUnavailableError
 */
export async function sectionsOf(
  { redis, keys }: { redis: Redis; keys: Keys },
  queue: string,
  { tenant, filter, behind, from, to }: Search,
  labeledSince: string,
): Promise<Section[]> {
  // No job is older than its first ULID.
  if (to < 0) return []
  const options: SectionOptions & { tenant: string } = {
    redis,
    queue,
    tenant,
    jobs: keys.bull(queue, ''),
    index: keys.index(queue),
    labels: keys.labels(queue),
    conditions: conditionsOf(keys, queue, filter),
    ...rangeOf(behind, from, to),
  }
  const all = (more: Partial<SectionOptions>) =>
    new IndexWalk({ ...options, ...more, walked: options.index, head: `${tenant}:` })
  const heads = labelsOf(filter).map((label) => labelEntry(tenant, label, ''))
  const labelHeads = labeledSince > options.end ? [] : heads
  const known = await knownJobs({ ...options, conditions: { ...options.conditions, labelHeads } }, keys, filter.state)
  if (known) return [known]
  if (heads.length === 0 || options.newest < labeledSince) return [all({})]
  if (labeledSince <= options.end) return [await alongLabels(options, heads)]
  const labeled = await alongLabels({ ...options, end: labeledSince }, heads)
  return [labeled, all({ newest: labeledSince, isAfterNewest: true })]
}

/** What a search has to look at: older than the ULID `behind`, and from one time to another (epoch ms). */
export function rangeOf(behind: string | undefined, from: number, to: number) {
  const newest = `${ulidBound(to)}~`
  const isBehind = behind !== undefined && behind <= newest
  return { newest: isBehind ? behind : newest, isAfterNewest: isBehind, end: ulidBound(from) }
}

function labelsOf({ tag, parent, metadata = [], errorCode, fingerprint, state }: JobFilter): Label[] {
  const ended = labeledStates.find((name) => name === state)
  return [
    ...(parent === undefined ? [] : [parentLabel(parent)]),
    ...(tag === undefined ? [] : [tagLabel(tag)]),
    ...metadata.map(([key, value]) => metadataLabel(key, value)),
    ...(errorCode === undefined ? [] : [errorLabel(errorCode)]),
    ...(fingerprint === undefined ? [] : [fingerprintLabel(fingerprint)]),
    ...(ended ? [stateLabel(ended)] : []),
  ]
}

function conditionsOf(keys: Keys, queue: string, { state, type }: JobFilter): Conditions {
  const sieve = state && sieves[state]
  const sets = [
    ...(sieve?.in === undefined ? [] : [{ key: keys.bull(queue, sieve.in), isIn: true }]),
    ...(sieve?.notIn ?? []).map((name) => ({ key: keys.bull(queue, name), isIn: false })),
  ]
  return { sets, type, labelHeads: [] }
}

/** Along the label that the fewest have. */
export async function alongLabels(options: SectionOptions, heads: string[]): Promise<Section> {
  const { redis, labels, newest, end } = options
  const counts = await whenAvailable(
    Promise.all(heads.map((head) => redis.zlexcount(labels, `[${head}${end}`, `[${head}${newest}`))),
  )
  const rarest = counts.indexOf(Math.min(...counts))
  const labelHeads = heads.filter((_, n) => n !== rarest)
  const conditions = { ...options.conditions, labelHeads }
  return new IndexWalk({ ...options, conditions, walked: labels, head: heads[rarest] ?? '' })
}

/** The jobs of a state that BullMQ keeps together, if they are few. */
async function knownJobs(
  options: SectionOptions & { tenant: string },
  keys: Keys,
  state: JobState | undefined,
): Promise<Section | undefined> {
  const home = state && homes[state]
  if (!home) return undefined
  const { redis, queue } = options
  const names = [...home.lists, ...home.sets].map((name) => keys.bull(queue, name))
  const ids = await whenAvailable(readKnown(redis, names, [home.lists.length, maxKnown]))
  return Array.isArray(ids) ? KnownJobs.of(options, [...new Set(ids.map(String))]) : undefined
}
