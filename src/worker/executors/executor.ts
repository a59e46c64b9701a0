import type { ChildrenPort } from '../../jobs/child-job.ts'
import type { EmitSpan } from '../../jobs/handler-span.ts'
import type { EmitJobEvent } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'
import type { AwaitAnswers } from '../../jobs/job-wait.ts'
import type { LoadedJob } from '../../jobs/registry.ts'
import type { Attempt } from '../handler/attempt.ts'
import type { HandlerOutcome } from '../handler/run-handler.ts'
import type { StopSignal } from '../handler/stop-signal.ts'

/**
 * How a run ended. `returned` and `threw`: the handler ended by itself, also when it followed its signal. `killed` and
 * `abandoned`: it had to be ended, or was stopped before it began. `crashed`: its thread or process died or could not start.
 * `parked`: it waits, and its job is not here any more.
 */
export type Outcome =
  | HandlerOutcome
  | { status: 'crashed'; failure: JobFailure }
  | { status: 'killed' }
  | { status: 'abandoned' }
  | { status: 'parked' }

export interface Executor {
  /**
   * Runs one attempt. Never rejects, and resolves at most `graceMs` (plus the time of a kill) after `stop` aborts with a
   * {@link StopRequest}. `emit` has received every event in order when it resolves; later events are dropped.
   * `emit` must neither throw nor reject. `emitSpan` receives the spans inside the attempt where `attempt.isTraced`. Only the event loop asks for answers.
   */
  run(
    loaded: LoadedJob,
    attempt: Attempt,
    emit: EmitJobEvent,
    stop: StopSignal,
    emitSpan?: EmitSpan,
    awaitAnswers?: AwaitAnswers,
    children?: ChildrenPort,
  ): Promise<Outcome>
}

/** The operator's log: lines that handlers print, kills, crashes. A pino logger fits. */
export interface ExecutorLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
