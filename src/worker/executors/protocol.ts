import { z } from 'zod'
import type { JobEvent } from '../../jobs/job-event.ts'
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

/** The settings that a child starts with. Only processes watch `parentPid`. */
export interface ChildSettings {
  allowCidrs: readonly string[]
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
]) satisfies z.ZodType<JobEvent>

const failure = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  retryAfterMs: z.number().exactOptional(),
})

const outcome = z.discriminatedUnion('status', [
  z.object({ status: z.literal('returned'), output: z.unknown() }),
  z.object({ status: z.literal('threw'), failure }),
]) satisfies z.ZodType<HandlerOutcome>

const fromChild = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('event'), run: z.number(), event }),
  z.object({ type: z.literal('ended'), run: z.number(), outcome }),
  /** An uncaught error is about to end the child. */
  z.object({ type: z.literal('dying'), message: z.string() }),
])

export type FromChild = z.output<typeof fromChild>

/** Undefined for a message of another shape: the job's code can write to the same channel, and may be hostile. */
export function readFromChild(message: unknown): FromChild | undefined {
  return fromChild.safeParse(message).data
}

/** The sender is the pool, which is typed; this only tells its messages from those that the job's code posts to itself. */
export function isToChild(message: unknown): message is ToChild {
  if (typeof message !== 'object' || message === null || !('type' in message) || !('run' in message)) return false
  return message.type === 'run' || message.type === 'stop' || message.type === 'ack'
}
