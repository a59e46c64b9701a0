import { Job, type JobsOptions, type MinimalJob, type ParentKeys, raw2NextJobData } from 'bullmq'
import { monotonicMs } from '../model/monotonic.ts'
import { parseJson } from '../model/parse-json.ts'
import { byWallClock, redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import { loadScript } from '../redis/load-script.ts'
import { FetchedJob, type FetchedJson, type Success } from './fetched-job.ts'
import { type Hold, holdOfCall } from './hold-of-call.ts'
import { isDroverJob } from './job-options.ts'

const script = loadScript('bullmq/complete-and-fetch')

/** A message with a job in it, in bytes: Redis closes connections to which it owes more than some MB of messages. */
const maxMessageBytes = 16_384
/** What jobs fetched in one call bring with them, but for the last of them. */
const maxFetchedBytes = 1024 * 1024

/** What one place of a worker asks for: to end its job, to fetch another under `token`, or both. */
export interface Exchange {
  kind: 'completed' | 'failed' | 'fetch'
  /** Of the job that ends, and of the one that is fetched. */
  heldToken: string
  token: string
  fetchNext: boolean
  /** The arguments of the script that describe an end, in its order. */
  end: (string | number)[]
  /** About how many characters it has. */
  size: number
}

/**
 * The next job as BullMQ's Worker wants it: `[job, id, 0, 0]`; `[null, 0, ms, 0]`: none, since the rate limit of the queue is reached for so long;
 * `[null, 0, 0, due]`: none, and when the next is due; `[]`: none.
 */
export type NextJob = unknown[]

/** What became of an {@link Exchange}. */
export type Exchanged =
  | { status: 'done'; next: NextJob }
  /** BullMQ's script is to do all of it: nothing was done. */
  | { status: 'stock' }
  /** Nothing was done; `code` says why in BullMQ's terms. */
  | { status: 'refused'; code: number; isOver: boolean }
  /** Redis refused this one alone. */
  | { status: 'failed'; error: Error }

const noEnd = Array.from({ length: 8 }, () => '')

export function fetching(token: string): Exchange {
  return { kind: 'fetch', heldToken: '', token, fetchNext: true, end: noEnd, size: 0 }
}

/** How a job ends. */
export interface End {
  kind: 'completed' | 'failed'
  /** The output as JSON, or the failure. */
  value: string
  heldToken: string
  /** More fields of its hash. */
  fields?: object | undefined
  /** The next step of its chain, which is released with this record: see release-next.lua. */
  nextStep?: { id: string; data: string } | undefined
}

export function ending(job: MinimalJob, how: End & Pick<Exchange, 'token' | 'fetchNext'>): Exchange {
  const { value, fields, nextStep, ...held } = how
  const { id = '', opts, attemptsMade } = job
  const list = Object.entries(fields ?? {}).filter(([, field]) => field !== undefined)
  const more = list.length > 0 ? JSON.stringify(list.flat()) : ''
  const attempt = isDroverJob(opts) ? attemptsMade + 1 : ''
  const { owner = '', replyChannel = '', dataLength = 0 } = job instanceof FetchedJob ? job : {}
  const ownSize = value.length + more.length
  const about = dataLength + ownSize
  const ofFlow = nextStep ? `${owner} ${nextStep.id} ${nextStep.data}` : owner
  const end = [id, value, more, attempt, opts.attempts ?? 0, ofFlow, replyChannel, about]
  return { ...held, end, size: ownSize + ofFlow.length }
}

/** A queue as a worker has it. */
export interface WorkerQueue {
  redis: () => Promise<Redis>
  /** BullMQ's. */
  keys: Record<string, string>
  /** For BullMQ's Job, which has all fields of a job; events are written in any case. */
  isPlain: boolean
  /** The channel on which the coordinator hears of the ends of jobs of flows, and of children. */
  hints: string
  /** How long a lock holds. */
  lockMs: number
  /** The worker's. */
  name: string | undefined
}

/**
 * Ends jobs and fetches others, all at one moment.
 *
 * @returns for each what became of it; and `none` when there are no more jobs to fetch, in the form of BullMQ's Worker
 */
export async function completeAndFetch(
  queue: WorkerQueue,
  exchanges: Exchange[],
): Promise<{ exchanged: Exchanged[]; none: NextJob | undefined }> {
  const { keys, isPlain, hints, lockMs, name = '' } = queue
  const redis = await queue.redis()
  const sets = [
    'wait',
    'active',
    'prioritized',
    'delayed',
    'completed',
    'failed',
    'stalled',
    'pc',
    'marker',
    'meta',
    'events',
    'limiter',
  ]
  const now = redisNow()
  const args: (string | number)[] = [keys[''] ?? '', now, maxMessageBytes, redis.isCluster ? 'cluster' : '', hints]
  args.push(maxFetchedBytes, lockMs, name, isPlain ? 1 : '')
  for (const { kind, heldToken, token, fetchNext, end } of exchanges)
    args.push(kind, heldToken, fetchNext ? token : '', ...end)
  const sentAt = monotonicMs()
  const replies = await script(
    redis,
    sets.map((set) => keys[set] ?? ''),
    args,
  )
  if (!Array.isArray(replies)) throw new TypeError('complete-and-fetch.lua has answered something else')
  const heldSince = holdOfCall(sentAt, lockMs)
  const last: unknown = replies.at(-1)
  const exchanged = exchanges.map(({ token }, n) => decode(replies[n], { token, startedAt: now, heldSince }))
  return { exchanged, none: decodeNone(last) }
}

/**
 * Tells a success what has become of it. @returns the next job, or undefined when its place is to ask for one anew
 *
 * @throws `refusal`, for a job that has not succeeded and is not its worker's any more
 */
export function acknowledge(
  exchanged: Exclude<Exchanged, { status: 'stock' }>,
  success: Success | undefined,
  refusal: (code: number) => Error,
): NextJob | undefined {
  switch (exchanged.status) {
    case 'done':
      success?.acknowledge('ended')
      return exchanged.next
    case 'refused':
      if (!success) throw refusal(exchanged.code)
      success.acknowledge(exchanged.isOver ? 'over' : 'lost')
      return undefined
    case 'failed':
      throw exchanged.error
    default:
      throw new TypeError(`there is no such answer: ${JSON.stringify(exchanged satisfies never)}`)
  }
}

/** As complete-and-fetch.lua says it. */
const endedBefore = -100
/** BullMQ's code for a job that is not locked. */
const notLocked = -2

function decode(reply: unknown, hold: Hold): Exchanged {
  if (Array.isArray(reply)) {
    const isWhole = Array.isArray(reply[0])
    return { status: 'done', next: isWhole ? raw2NextJobData(reply) : decodeJob(reply, hold) }
  }
  if (reply === 'stock') return { status: reply }
  const none = decodeNone(reply)
  if (none) return { status: 'done', next: none }
  if (typeof reply === 'number') {
    const isOver = reply === endedBefore
    return { status: 'refused', code: isOver ? notLocked : reply, isOver }
  }
  const error = reply instanceof Error ? reply : new TypeError('complete-and-fetch.lua has answered something else')
  return { status: 'failed', error }
}

/** @returns undefined when `word` says something else than that there is no job */
function decodeNone(word: unknown): NextJob | undefined {
  if (word === 0) return []
  if (typeof word !== 'string') return undefined
  const [, limitedMs] = word.split(' ')
  return limitedMs === undefined ? [null, 0, 0, byWallClock(Number(word))] : [null, 0, Number(limitedMs), 0]
}

/** As complete-and-fetch.lua reads a job; Lua's false arrives as null. Most jobs have nothing behind the id. */
type Fetched = [
  name: string,
  data: string | null,
  options: string | null,
  timestamp: string,
  attemptsMade: string | null,
  starts: number,
  replyChannel: string | null,
  id: string,
  stalls?: string | null,
  deferredFailure?: string | null,
  stacktrace?: string | null,
  repeatJobKey?: string | null,
  deduplicationId?: string | null,
  parentKey?: string | null,
  parent?: string | null,
  /** '' where none was lost, null where it has no name. */
  lostWorker?: string | null,
  /** '' for the first. */
  run?: string,
  kept?: string[],
]

function decodeJob(reply: unknown[], { token, startedAt, heldSince }: Hold): NextJob {
  const [name, data, options, timestamp, attemptsMade, starts, replyChannel, id, ...rare] = reply as Fetched
  const [stalls = null, deferred, traces, repeatJobKey, deduplicationId, parentKey, parent = null, ...last] = rare
  const [lostWorker = '', run = '', kept] = last
  const json: FetchedJson = {
    id,
    name,
    data: data ?? '{}',
    opts: decodeOptions(options ?? '{}'),
    timestamp: Number(timestamp),
    attemptsMade: Number(attemptsMade),
    attemptsStarted: starts,
    stalledCounter: Number(stalls),
    deferredFailure: deferred ?? undefined,
    stacktrace: traces ?? undefined,
    replyChannel: replyChannel ?? undefined,
    repeatJobKey: repeatJobKey ?? undefined,
    deduplicationId: deduplicationId ?? undefined,
    parentKey: parentKey ?? undefined,
    parent: parent === null ? undefined : (Object(parseJson(parent)) as ParentKeys),
    lostWorker: lostWorker === '' ? undefined : (lostWorker ?? 'unknown'),
    run: run === '' ? 1 : Number(run),
    kept,
    processedOn: startedAt,
    lockToken: token,
    fetchedAt: redisNow(),
    heldSince,
  }
  return [json, id, 0, 0]
}

/** Most jobs have the same options; BullMQ's Job copies them. */
const knownOptions = new Map<string, JobsOptions>()
const maxKnown = 1000

function decodeOptions(text: string): JobsOptions {
  const known = knownOptions.get(text)
  if (known) return known
  // A plain producer may have stored anything.
  const parsed = parseJson(text)
  const options = typeof parsed === 'object' && parsed !== null ? Job.optsFromJSON(text) : {}
  if (knownOptions.size < maxKnown) knownOptions.set(text, options)
  return options
}
