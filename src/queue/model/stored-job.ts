import { z } from 'zod'
import { decodeFailure, type StoredFailure } from './failure.ts'
import { type HeldBy, heldByGate, heldByQueue, shownPlace, unknownSince, type WaitingQueue } from './held-by.ts'
import { decodeStarts, type JobStart } from './job-history.ts'
import type { JobRef } from './job-id.ts'
import { dueAt as dueSince, type JobRecord, type PlainSecrets, parseRecord, plainRecord } from './job-record.ts'
import { isEnd, type JobEnd, type JobState } from './job-states.ts'
import { decodeParked, decodeSignals, type Parked, type ReceivedSignal } from './parked.ts'
import { parseJson } from './parse-json.ts'
import { largeBytes, largeInputBytes } from './payload.ts'
import type { Place } from './place.ts'
import type { Deduplicated } from './unique-key.ts'

/** An output that is stored beside its job. `bytes` is its length as JSON in UTF-8. */
export interface StoredOutput {
  name: string
  bytes: number
}

/** A job as it is stored in Redis. Times are epoch milliseconds. */
export interface StoredJob {
  id: string
  /** As {@link JobRef} has it. */
  bullId?: string | undefined
  type: string
  queue: string
  state: JobState
  done: boolean
  /** Its input may be null where `inputBytes` is set: see JobQueue.read. */
  record: JobRecord
  /** Of a large input: its size as JSON. */
  inputBytes: number | undefined
  /** Null also when the output is stored beside the job. */
  output: unknown
  /** Set when the output is stored beside the job. */
  storedOutput: StoredOutput | undefined
  /** Of a large output, wherever it is stored: its size as JSON. */
  outputBytes: number | undefined
  failure: StoredFailure | undefined
  progress: { fraction: number; message: string | null; data: unknown } | undefined
  /** What a job that has not ended keeps for its next start: bytes of JSON, and when the last of it was stored. */
  checkpoint: { bytes: number; at: number } | undefined
  /** What it waits for where it is parked. */
  parked: Parked | undefined
  /** The signals that its run has received, the first one first. */
  signals: ReceivedSignal[]
  run: number
  /** The id of the last event of earlier runs. */
  eventsBeforeRun: number
  /** The id of the last stored event; 0 when there is none. */
  lastEventId: number
  attempt: number
  maxAttempts: number
  createdAt: number
  scheduledFor: number | undefined
  /** Why it waits although its time has come. */
  heldBy: HeldBy | undefined
  /** Not to start before then, as it was submitted. */
  runAt: number | undefined
  /** The first start of this run. */
  startedAt: number | undefined
  finishedAt: number | undefined
  cancelRequestedAt: number | undefined
  /** The starts of this run, oldest first: see decodeStarts. */
  starts: JobStart[]
  /** How many starts this run has had, those that are not in the list included: the last one had this number in its fence. */
  startCount: number
  /** Only of a job that was just added: what became of it where another job has its key. */
  deduplicated?: Deduplicated | undefined
  /** How many jobs its handler has submitted in this run. */
  children: number | undefined
  /** The worker that runs it. */
  worker: string | undefined
}

/** The end of a job with this `failedReason` of BullMQ. */
export function endWithoutSuccess(failedReason: string): JobEnd {
  return endState(false, decodeFailure(failedReason, 1))
}

/** Reads alternating fields and values, as scripts return a hash. */
export function hashOf(fields: readonly string[]): Record<string, string> {
  const hash: Record<string, string> = {}
  for (let i = 0; i + 1 < fields.length; i += 2) hash[fields[i] ?? ''] = fields[i + 1] ?? ''
  return hash
}

/** Reads BullMQ's hash of a job. Undefined when its record was written by a version of Drover that this one cannot read. */
export function decodeJob(
  ref: JobRef,
  hash: Record<string, string>,
  found: {
    place: Place
    lastEventId: number
    dueAt: number | undefined
    queue?: WaitingQueue | undefined
    plainSecrets?: PlainSecrets | undefined
  },
): StoredJob | undefined {
  const { lastEventId, dueAt, queue } = found
  const text = hash['data'] ?? ''
  const data = parseJson(text)
  const record =
    ref.bullId === undefined ? parseRecord(data) : plainRecord(data, found.plainSecrets?.(hash['name'] ?? ''))
  if (!record) return undefined
  const unknown = unknownSince(hash)
  const place = shownPlace(found.place, unknown !== undefined, dueAt, queue?.now)
  const succeeded = place === 'finished' && hash['returnvalue'] !== undefined
  // Some builds did not store it of a success at the first attempt; 0 where the job was reopened before.
  const attemptsMade = Number(hash['atm'] ?? 0) || (succeeded ? 1 : 0)
  const attempt = attemptsMade + (place === 'active' ? 1 : 0)
  const storedOutput = succeeded ? decodeStoredOutput(hash) : undefined
  const showsFailure = !succeeded && place !== 'active' && hash['failedReason'] !== undefined
  const failure = showsFailure ? decodeFailure(hash['failedReason'] ?? '', attempt) : undefined
  const state = place === 'finished' ? endState(succeeded, failure) : waitingStates[place]
  const isDone = isEnd(state)
  const last = place === 'finished' ? (failure?.attempt ?? attempt) : attempt
  const starts = decodeStarts(hash, {
    place: isDone ? 'ended' : place === 'active' ? 'running' : 'waiting',
    attempt: last,
    end: isDone ? endState(succeeded, failure) : undefined,
    failure,
  })
  const options = optionsSchema.safeParse(parseJson(hash['opts'] ?? '')).data
  const createdAt = Number(hash['timestamp'] ?? 0)
  const waitsSince = Math.max(dueSince(data, createdAt + (options?.delay ?? 0)), starts.at(-1)?.endedAt ?? 0)
  const heldBy = (): HeldBy | undefined => {
    const byQueue = queue && heldByQueue(queue, waitsSince)
    const held = byQueue ?? (queue?.alone && heldByGate(queue.alone, ref.queue, waitsSince))
    return held ?? (unknown === undefined ? undefined : { kind: 'unknown_type', since: unknown })
  }
  return {
    ...ref,
    type: hash['name'] ?? '',
    state,
    done: isDone,
    record,
    inputBytes: inputBytesOf(ref, hash, text, data),
    output: succeeded && !storedOutput ? parseJson(hash['returnvalue'] ?? 'null') : null,
    storedOutput,
    outputBytes: succeeded ? (storedOutput?.bytes ?? largeBytes(hash['returnvalue'] ?? '')) : undefined,
    failure,
    progress: hash['progress'] === undefined ? undefined : progressSchema.safeParse(parseJson(hash['progress'])).data,
    checkpoint: isDone && state !== 'failed' ? undefined : checkpointOf(hash['checkpoint']),
    parked: place === 'blocked' ? decodeParked(hash['parked']) : undefined,
    signals: decodeSignals(hash['signals']),
    run: Number(hash['run'] ?? 1),
    eventsBeforeRun: Number(hash['eventsBeforeRun'] ?? 0),
    lastEventId,
    attempt: last,
    // BullMQ's own default is 0, for one attempt.
    maxAttempts: options?.attempts || 1,
    createdAt,
    scheduledFor: place === 'delayed' ? dueAt : undefined,
    heldBy: place === 'waiting' ? heldBy() : undefined,
    runAt: options?.delay ? createdAt + options.delay : undefined,
    startedAt: starts[0]?.startedAt,
    finishedAt: optionalNumber(hash['finishedOn']),
    cancelRequestedAt: optionalNumber(hash['cancelRequestedAt']),
    starts,
    // Not stored of a success, nor by earlier versions of a failure.
    startCount: Number(hash['ats'] ?? starts.length),
    children: optionalNumber(hash['children']),
    worker: place === 'active' ? hash['pb'] : undefined,
  }
}

/** The script that added it has written the size of a large input; not so a plain producer, and not so earlier versions of Drover. */
function inputBytesOf(
  { bullId }: JobRef,
  { inputBytes }: Record<string, string>,
  text: string,
  data: unknown,
): number | undefined {
  if (inputBytes !== undefined) return Number(inputBytes)
  return bullId === undefined ? largeInputBytes(text, Object(data)) : largeBytes(text)
}

function checkpointOf(field: string | undefined): StoredJob['checkpoint'] {
  if (field === undefined) return undefined
  const [bytes = 0, at = 0] = field.split(' ').map(Number)
  return { bytes, at }
}

/** A job with a stored output was completed with the name of that output, which no handler knows and so none can return. */
export function decodeStoredOutput(hash: Record<string, string>): StoredOutput | undefined {
  const { outputName: name, outputBytes: bytes } = hash
  if (name === undefined || hash['returnvalue'] !== JSON.stringify(name)) return undefined
  return { name, bytes: Number(bytes) }
}

const waitingStates = { active: 'running', delayed: 'scheduled', waiting: 'queued', blocked: 'blocked' } as const
const optionsSchema = z.object({ attempts: z.int().optional(), delay: z.number().optional() })
const progressSchema = z.object({ fraction: z.number(), message: z.string().nullable(), data: z.unknown() })

/** The state of an ended job. Ends without success differ in their failure alone, so that one write decides. Attempt 0: it never started. */
export function endState(succeeded: boolean, failure: StoredFailure | undefined): JobEnd {
  if (succeeded) return 'succeeded'
  if (failure?.code === 'canceled') return 'canceled'
  if (failure?.code === 'not_started_in_time') return 'expired'
  if (failure?.code === 'deadline_exceeded' && failure.attempt === 0) return 'expired'
  return 'failed'
}

function optionalNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}
