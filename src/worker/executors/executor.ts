import type { LoadedJob } from '../../jobs/registry.ts'
import type { EmitJobEvent } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'

/** One attempt of one job, as plain data: it is sent to threads and processes. `input` is as the client sent it, not yet parsed. */
export interface Attempt {
  id: string
  type: string
  input: unknown
  attempt: number
  maxAttempts: number
}

/**
 * How a handler's run ended. `returned` and `threw` are the handler's own doing, also when it ended in answer to the
 * signal; `killed` and `abandoned` say that it had to be ended; `crashed` that its thread or process died under it.
 */
export type Outcome =
  | { status: 'returned'; output: unknown }
  | { status: 'threw'; failure: JobFailure }
  | { status: 'crashed'; failure: JobFailure }
  | { status: 'killed' }
  | { status: 'abandoned' }

/** The `reason` of the abort signal that an executor is given: why, and how long the handler may take to end by itself. */
export interface StopRequest {
  kind: 'canceled' | 'timeout' | 'deadline_exceeded' | 'lock_lost' | 'shutdown'
  graceMs: number
}

/** Runs handlers. `run` never rejects, and ends at most `graceMs` (and the time of a kill) after `stop` aborts with a {@link StopRequest}. */
export interface Executor {
  run(loaded: LoadedJob, attempt: Attempt, emit: EmitJobEvent, stop: AbortSignal): Promise<Outcome>
  /** Ends threads and processes; safe to call twice. */
  close(): Promise<void>
}
