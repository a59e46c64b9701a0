import { createHash } from 'node:crypto'
import type { EmitSpan, HandlerSpan } from '../../jobs/handler-span.ts'
import { traceIdOf } from '../../jobs/trace-context.ts'
import type { LeasedJob, Settlement } from '../../queue/consume/attempt.ts'
import { decodeStart, type JobStart } from '../../queue/model/job-history.ts'
import type { OpenSpan, SpanAttributes, Tracing } from '../../tracing/span.ts'

/** The span of one attempt. */
export interface AttemptTrace {
  /** For what the attempt does. */
  readonly traceparent: string
  readonly isRecorded: boolean
  /** A span inside it has ended. */
  readonly onSpan: EmitSpan
  end(settlement: Settlement): void
}

/**
 * Begins the span of an attempt, and reports the wait before it. A start whose worker was lost has nobody to report it: the next one does.
 * The ids of these spans follow from the job and the start, so that each start can be linked to the one before without storing anything.
 *
 * @param submitted the trace context of the submission; undefined: the job begins a trace of its own, the same for all its attempts
 */
export function traceAttempt(tracing: Tracing, leased: LeasedJob, submitted: string | undefined): AttemptTrace {
  const { ref, type, attempt, recordedAt, dueAt } = leased
  const before = leased.lastStart === undefined ? undefined : decodeStart(leased.lastStart)
  const parent = submitted === undefined ? { traceId: digest(32, ref.id) } : { parent: submitted }
  const attributes: SpanAttributes = {
    'messaging.system': 'drover',
    'messaging.destination.name': ref.queue,
    'messaging.message.id': ref.id,
    'drover.job.type': type,
  }
  const name = `process ${ref.queue}`
  const process = { ...attributes, 'messaging.operation.name': 'process', 'messaging.operation.type': 'process' }
  const startedAt = now()
  const span = tracing.start({
    ...parent,
    name,
    kind: 'consumer',
    at: startedAt,
    spanId: spanId(ref.id, attempt, recordedAt ?? leased.startedAt),
    attributes: { ...process, 'drover.attempt': attempt },
    links: linkTo(before),
  })
  if (span.isRecorded) {
    if (before?.outcome === 'worker_lost') reportLost(before)
    const from = Math.min(Math.max(dueAt, before?.endedAt ?? 0), startedAt)
    const wait = { ...partOf(), name: `wait ${ref.queue}`, kind: 'internal' as const, attributes }
    tracing.start({ ...wait, at: from }).end({ at: startedAt })
  }

  /** What belongs beside the attempt; of a job without a trace of its submission, inside it. */
  function partOf(): { parent: string } {
    return { parent: submitted ?? span.traceparent }
  }

  function linkTo(start: JobStart | undefined): string[] {
    if (start?.startedAt === undefined) return []
    const traceId = submitted === undefined ? digest(32, ref.id) : traceIdOf(submitted)
    return [`00-${traceId}-${spanId(ref.id, start.attempt, start.startedAt)}-01`]
  }

  function reportLost({ attempt: lost, startedAt: at, endedAt, worker }: JobStart): void {
    if (at === undefined || endedAt === undefined) return
    tracing
      .start({
        ...parent,
        name,
        kind: 'consumer',
        at,
        spanId: spanId(ref.id, lost, at),
        attributes: { ...process, 'drover.attempt': lost, 'drover.outcome': 'worker_lost', 'drover.worker': worker },
      })
      .end({ at: endedAt, error: 'worker_lost' })
  }

  return {
    traceparent: span.traceparent,
    isRecorded: span.isRecorded,
    onSpan: (inner) => addSpan(tracing, span, inner),
    end: (settlement) => endAttempt(span, settlement),
  }
}

function addSpan(
  tracing: Tracing,
  attempt: OpenSpan,
  { spanId, parentId, startedAt, endedAt, ...rest }: HandlerSpan,
): void {
  const { name, kind, attributes, error } = rest
  const parent = `00-${traceIdOf(attempt.traceparent)}-${parentId}-01`
  tracing.start({ name, kind, parent, spanId, at: startedAt, attributes }).end({ at: endedAt, error })
}

function endAttempt(span: OpenSpan, settlement: Settlement): void {
  const { status } = settlement
  // Another worker has the job, and reports this start; or it was none.
  if (status === 'lost' || status === 'left_to_others') return
  const attributes: SpanAttributes = { 'drover.outcome': status }
  if (status !== 'failed') return span.end({ attributes })
  const { failure, retryDelayMs } = settlement
  span.end({ error: failure.code, attributes: { ...attributes, 'drover.retry_in_ms': retryDelayMs } })
}

const spanId = (job: string, attempt: number, startedAt: number): string => digest(16, `${job} ${attempt} ${startedAt}`)

/** So many hexadecimal digits that follow from a text. All zero, which no id may be, is as likely as a collision of random ids. */
const digest = (digits: number, text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digits)

const now = (): number => performance.timeOrigin + performance.now()
