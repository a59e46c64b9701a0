import { z } from 'zod'
import type { ChildrenReply } from '../../jobs/child-job.ts'
import type { HandlerSpan } from '../../jobs/handler-span.ts'
import type { JobEvent, KeepRequest } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'
import type { StopRequest } from '../../jobs/stop-request.ts'
import type { Attempt } from '../handler/attempt.ts'
import type { HandlerOutcome } from '../handler/run-handler.ts'

/**
 * A message from a pool to a thread or process. `run` numbers the runs of one host, so that a late message of one run cannot be
 * mistaken for one of the next.
 */
export type ToChild =
  | { type: 'run'; run: number; file: string; attempt: Attempt }
  | { type: 'stop'; run: number; stop: StopRequest }
  /** The receiver has stored `count` more events. */
  | { type: 'ack'; run: number; count: number }
  /** What a {@link KeepRequest} asked for is stored, or why it is not. */
  | { type: 'kept'; run: number; n: number; refusal?: JobFailure | undefined }
  /** What became of an `ask`. */
  | { type: 'answered'; run: number; n: number; reply: AskReply }

/** `parked`: the run is over, and its handler is left where it waits. `arrived`: what it waited for is there. */
export type AskReply = ChildrenReply | { status: 'parked' } | { status: 'arrived' }

/** The settings that a child starts with. Only processes watch `parentPid`. */
export interface ChildSettings {
  allowCidrs: readonly string[]
  memoryLimitMb: number
  parentPid: number
}

const event = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), fraction: z.number(), message: z.string().nullable(), data: z.unknown() }),
  z.object({ kind: z.literal('output'), value: z.unknown() }),
  z.object({
    kind: z.literal('log'),
    at: z.string(),
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
    attempt: z.number(),
  }),
  z.object({ kind: z.literal('checkpoint'), n: z.number(), json: z.string() }),
  z.object({ kind: z.literal('step'), n: z.number(), name: z.string(), json: z.string() }),
]) satisfies z.ZodType<JobEvent | KeepRequest>

const ask = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('children'),
    calls: z.array(
      z.object({ n: z.int(), type: z.string(), input: z.unknown(), options: z.record(z.string(), z.unknown()) }),
    ),
    waitFor: z.enum(['all', 'first_failure', 'nothing']),
  }),
  z.object({ kind: z.literal('wait'), field: z.string() }),
])
/** A handler asks for children, or waits for the answer of that name. */
export type Ask = z.output<typeof ask>

const hex16 = z.string().regex(/^[0-9a-f]{16}$/)
const span = z.object({
  name: z.string(),
  kind: z.enum(['internal', 'client']),
  spanId: hex16,
  parentId: hex16,
  startedAt: z.number(),
  endedAt: z.number(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  error: z.string().optional(),
}) satisfies z.ZodType<HandlerSpan>

const failure = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  retryAfterMs: z.number().exactOptional(),
})

const outcome = z.discriminatedUnion('status', [
  z.object({ status: z.literal('returned'), output: z.unknown() }),
  z.object({ status: z.literal('threw'), failure }),
  z.object({ status: z.literal('parked') }),
]) satisfies z.ZodType<HandlerOutcome | { status: 'parked' }>

const fromChild = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('event'), run: z.number(), event }),
  z.object({ type: z.literal('span'), run: z.number(), span }),
  z.object({ type: z.literal('ask'), run: z.number(), n: z.number(), ask }),
  z.object({
    type: z.literal('ended'),
    run: z.number(),
    outcome,
    /** Nothing was left behind: the next run may start. Otherwise `checked` follows. */
    isClean: z.boolean(),
    /** The import of the job file changed the host: only runs of the same file may follow. */
    isBound: z.boolean(),
  }),
  /**
   * What the run left behind, after its handles had time to close, and how many of its programs were killed. Nothing left behind: the
   * next run may start.
   */
  z.object({ type: z.literal('checked'), run: z.number(), leftovers: z.array(z.string()), killed: z.number() }),
  /** Code of an earlier run threw an error that nothing caught. The child goes on. */
  z.object({ type: z.literal('late_error'), message: z.string() }),
  /** The child is about to end, because of code of the current run or of an earlier one. */
  z.object({ type: z.literal('dying'), message: z.string(), isOfEarlierRun: z.boolean() }),
])

export type FromChild = z.output<typeof fromChild>

/** A message of a run whose content is malformed. */
export interface InvalidMessage {
  type: 'invalid'
  run: number
  reason: string
}

/** Undefined for a message of another kind: the job's code can post messages of its own on the same channel. */
export function readFromChild(message: unknown): FromChild | InvalidMessage | undefined {
  const parsed = fromChild.safeParse(message)
  if (parsed.success) return parsed.data
  const { type, run }: { type?: unknown; run?: unknown } = Object(message)
  if (typeof run !== 'number' || !fromChild.options.some(({ shape }) => shape.type.value === type)) return undefined
  const [issue] = parsed.error.issues
  return { type: 'invalid', run, reason: `${[type, ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'invalid'}` }
}

const toChildTypes: ReadonlySet<unknown> = new Set([
  'run',
  'stop',
  'ack',
  'kept',
  'answered',
] satisfies ToChild['type'][])

/** The sender is the pool, which is typed; this only tells its messages from those that the job's code posts to itself. */
export function isToChild(message: unknown): message is ToChild {
  if (typeof message !== 'object' || message === null || !('type' in message) || !('run' in message)) return false
  return toChildTypes.has(message.type)
}
