import type { LogLevel } from './job-context.ts'
import type { JobFailure } from './job-failure.ts'

/** An event of a running handler. These three kinds are stored for replay; `state` and `done` come from the job itself. */
export type JobEvent =
  | { kind: 'progress'; fraction: number; message: string | null; data: unknown }
  | { kind: 'output'; value: unknown }
  | { kind: 'log'; at: string; level: LogLevel; message: string; attempt: number }

/**
 * What a handler keeps for the next start of its job, as JSON text: its state, or the result of a step. No client sees it. `n` numbers what
 * one attempt keeps.
 */
export type KeepRequest =
  | { kind: 'checkpoint'; n: number; json: string }
  | { kind: 'step'; n: number; name: string; json: string }

/**
 * Receives the events of a running job in order. Returns a promise only when the receiver is behind: a caller that can wait (a
 * generator between two yields) awaits it; for one that cannot (`job.progress`) the receiver drops stale events.
 *
 * Of a {@link KeepRequest} there is always a promise while the attempt runs. It resolves when that is stored, or to the reason why it is not.
 */
export type EmitJobEvent = (event: JobEvent | KeepRequest) => Promise<JobFailure | undefined | void> | undefined

/** Whether it asks to keep something, and is no event. */
export function isKeepRequest(event: { kind: string }): event is KeepRequest {
  return event.kind === 'checkpoint' || event.kind === 'step'
}
