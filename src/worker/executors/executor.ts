import type { EmitJobEvent } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'
import type { LoadedJob } from '../../jobs/registry.ts'
import type { Attempt } from '../handler/attempt.ts'
import type { HandlerOutcome } from '../handler/run-handler.ts'
import type { StopSignal } from '../handler/stop-signal.ts'

/**
 * How a handler's run ended. `returned` and `threw` are the handler's own doing, also when it ended in answer to the
 * signal; `killed` and `abandoned` say that it had to be ended, or was stopped before it began; `crashed` that its thread
 * or process died under it, or could not be started.
 */
export type Outcome =
  | HandlerOutcome
  | { status: 'crashed'; failure: JobFailure }
  | { status: 'killed' }
  | { status: 'abandoned' }

export interface Executor {
  /**
   * Runs one attempt. Never rejects, and ends at most `graceMs` (and the time of a kill) after `stop` aborts with a
   * {@link StopRequest}. Every event has been given to `emit`, in order, when it resolves; later ones are dropped.
   * `emit` must neither throw nor reject.
   */
  run(loaded: LoadedJob, attempt: Attempt, emit: EmitJobEvent, stop: StopSignal): Promise<Outcome>
}

/** Where executors report what is no job's business: output that handlers print, kills, crashes. A pino logger fits. */
export interface ExecutorLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
