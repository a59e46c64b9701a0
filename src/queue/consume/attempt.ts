import type { AwaitAnswers } from '../../jobs/job-wait.ts'
import type { StopRequest } from '../../jobs/stop-request.ts'
import type { AttemptEvents } from '../events/attempt-events.ts'
import type { StoredFailure } from '../model/failure.ts'
import type { JobRef } from '../model/job-id.ts'
import type { KeptState } from '../model/kept-state.ts'
import type { KeptOutput } from '../store/job-output.ts'

/** A job that this worker holds, for one attempt. */
export interface LeasedJob {
  ref: JobRef
  /** A plain BullMQ producer added it: its data is its input, and no record. */
  isPlain: boolean
  type: string
  /** As stored; `parseRecord` says whether this version can read it. */
  data: unknown
  attempt: number
  maxAttempts: number
  /** How often it was taken by a worker, this time included. */
  starts: number
  /** What its lock holds. */
  lockToken: string
  /** The number of its run. */
  run: number
  /** What earlier starts of the run have kept; undefined where that is nothing. */
  kept: KeptState | undefined
  createdAt: number
  /** Since when it could have started, in this run. */
  dueAt: number
  startedAt: number
  /** When it started, as the history of the job has it; undefined of a plain job. */
  recordedAt: number | undefined
  /** The last entry of that history: see decodeStart. */
  lastStart: string | undefined
  events: AttemptEvents
  /** Calls back when the job is to stop, at once if it already is; returns a function that takes the callback back. */
  onStop(stop: (request: StopRequest) => void): () => void
  /** Stores an output that is too large for the job; to be called before the attempt is settled as succeeded. Neither throws nor rejects. */
  keepOutput(output: unknown): KeptOutput | Promise<KeptOutput>
  /** Parks the job unless it has answers to what it waits for; what it has emitted is stored first. */
  awaitAnswers: AwaitAnswers
  /** Notes that a worker did not know the job. @returns since when that is so, in epoch ms */
  markUnknown(): Promise<number>
}

/** The step behind a job in its chain, complete: its id, and its record as JSON. */
export interface FilledStep {
  id: string
  data: string
}

/**
 * Called with a job that starts, and its record: undefined where no step takes its output. What it returns is called with the output as JSON, and
 * resolves with the step, or undefined where that is left to the coordinator of flows. Never rejects.
 */
export type StepFiller = (
  ref: JobRef,
  data: unknown,
) => ((output: string) => Promise<FilledStep | undefined>) | undefined

/** What becomes of a job after an attempt. */
export type Settlement =
  /** `output` is the JSON that `keepOutput` gave for it; `isBeside`: the name of one that is stored beside the job. */
  | { status: 'succeeded'; output: string; isBeside?: boolean }
  /** With a delay and attempts left it is retried, else it has failed. `isUnrun`: it was refused before its start. */
  | { status: 'failed'; failure: StoredFailure; retryDelayMs: number | undefined; isUnrun?: boolean }
  | { status: 'canceled'; stopped: 'cooperatively' | 'killed' | 'abandoned' }
  /** Back to the head of its queue, without using up an attempt: this worker is going, or Redis lost values of the job. Not `hasStarted`: before it was run. */
  | { status: 'put_back'; hasStarted?: boolean }
  /** It waits without a worker: nothing is to be moved. */
  | { status: 'parked' }
  /** Fetched again later, by any worker. It was not run here, so this was no start. */
  | { status: 'left_to_others'; delayMs: number }
  /** Another worker has it now: what this worker reports is refused. */
  | { status: 'lost' }
