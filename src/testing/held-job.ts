import { fenceOf, startOf } from '../jobs/fence.ts'
import type { LogLevel } from '../jobs/job-context.ts'
import { type Answer, encodeSignal, signalField, signalOfField, type Wait, type WaitReply } from '../jobs/job-wait.ts'
import type { LeasedJob } from '../queue/consume/attempt.ts'
import { AttemptEvents, type EventBatch } from '../queue/events/attempt-events.ts'
import { anonymousTenant, type JobRecord, recordVersion } from '../queue/model/job-record.ts'
import type { KeptState } from '../queue/model/kept-state.ts'
import { redisNow } from '../queue/model/redis-time.ts'

/** The default of OUTPUT_LIMIT_BYTES. */
const maxOutputBytes = 64 * 1024 * 1024

/** What a job reported while it ran, each in order. */
export interface Reported {
  progress: { fraction: number; message: string | null; data: unknown }[]
  yields: unknown[]
  logs: { at: string; level: LogLevel; message: string; attempt: number }[]
  /** The last checkpoint; undefined: there was none. */
  checkpoint: unknown
  /** Results of `job.once` by their names. */
  steps: Record<string, unknown>
  /** Where it is `blocked`: the signals that it waits for. */
  waitsFor?: string[]
}

export interface HeldJob {
  id: string
  queue: string
  type: string
  attempt: number
  maxAttempts: number
  /** `job.fence`. Default: the first run, a start for each attempt. */
  fence?: number
  record: Pick<JobRecord, 'input' | 'timeoutMs'>
  /** Cancels the job. */
  signal: AbortSignal | undefined
  /** What it goes on from; gets what the job reports. */
  reported: Reported
  /** Payloads of the signals that have come, in that order, and names of those whose wait is over. */
  signals?: Record<string, unknown> | undefined
  timedOutSignals?: readonly string[] | undefined
  /** Called with each event: `output`, `progress` or `log`, and its data as clients see it. */
  onEvent?: (event: string, data: unknown) => void
}

/** A job that is in no queue, held for one attempt, as a worker holds one that it has fetched. */
export function holdJob(options: HeldJob): LeasedJob {
  const { id, queue, type, attempt, maxAttempts, record, signal, reported } = options
  const { run, start } = startOf(options.fence ?? fenceOf(1, attempt))
  const now = redisNow()
  const kept = keptBefore(reported, options.signals)
  const append = async (batch: EventBatch) => {
    for (const event of batch.events) note(event, options)
    return 'stored' as const
  }
  return {
    ...{ type, attempt, maxAttempts, starts: start, ref: { queue, id }, isPlain: false, run, kept, lockToken: '' },
    ...{ createdAt: now, dueAt: now, startedAt: now, recordedAt: now, lastStart: undefined },
    data: { v: recordVersion, tenant: anonymousTenant, ...record } satisfies JobRecord,
    events: new AttemptEvents(append, { attempt, isFirst: true, kept }),
    onStop(stop) {
      const cancel = () => stop({ kind: 'canceled', graceMs: 0 })
      if (signal?.aborted) cancel()
      signal?.addEventListener('abort', cancel, { once: true })
      return () => signal?.removeEventListener('abort', cancel)
    },
    keepOutput(output) {
      const json = JSON.stringify(output)
      const isTooLarge = Buffer.byteLength(json) > maxOutputBytes
      return isTooLarge ? { status: 'too_large', max: maxOutputBytes } : { status: 'kept', json }
    },
    awaitAnswers: (waits, needed) => Promise.resolve(answersTo(waits, needed, options)),
    markUnknown: () => Promise.resolve(now),
  }
}

function keptBefore({ checkpoint, steps }: Reported, signals: Record<string, unknown> = {}): KeptState {
  const json = checkpoint === undefined ? undefined : JSON.stringify(checkpoint)
  return {
    state: json === undefined ? undefined : { json, values: { count: 0, bytes: 0 } },
    steps: Object.fromEntries(Object.entries(steps).map(([name, result]) => [name, JSON.stringify(result)])),
    answers: Object.fromEntries(
      Object.entries(signals).map(([name, payload], n) => [
        signalField(name),
        encodeSignal(n + 1, JSON.stringify(payload ?? null)),
      ]),
    ),
  }
}

/** As park-job.lua answers. */
function answersTo(waits: readonly Wait[], needed: number, { reported, timedOutSignals = [] }: HeldJob): WaitReply {
  const names = waits.map(({ fields }) => fields.map((field) => signalOfField(field) ?? field))
  const isOver = (name: string) => timedOutSignals.includes(name)
  const answers = names.map((some): Answer => ({ status: some.some(isOver) ? 'over' : 'missing' }))
  if (answers.filter(({ status }) => status === 'over').length >= needed) return { status: 'answered', answers }
  reported.waitsFor = names.flat()
  return { status: 'parked' }
}

/** @param event as it would be stored: see encodeEvent */
function note(event: string, { reported, onEvent }: HeldJob): void {
  const [, kind = '', text = ''] = /^(\S+) ([^]*)$/.exec(event) ?? []
  if (kind === 'checkpoint') reported.checkpoint = JSON.parse(text.slice(text.indexOf(' ') + 1))
  else if (kind === 'step') noteStep(text, reported)
  else {
    const data = JSON.parse(text)
    if (kind === 'output') reported.yields.push(data)
    else if (kind === 'progress') reported.progress.push(data)
    else reported.logs.push(data)
    onEvent?.(kind, kind === 'output' ? { value: data } : data)
  }
}

/** `<when> <bytes of the name> <name><JSON>` */
function noteStep(text: string, { steps }: Reported): void {
  const [head = '', , bytes] = /^(\d+) (\d+) /.exec(text) ?? []
  const rest = Buffer.from(text.slice(head.length))
  const name = rest.subarray(0, Number(bytes)).toString()
  steps[name] = JSON.parse(rest.subarray(Number(bytes)).toString())
}
