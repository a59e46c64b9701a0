import type { ChildrenPort } from '../../jobs/child-job.ts'
import type { EmitSpan } from '../../jobs/handler-span.ts'
import type { EmitJobEvent } from '../../jobs/job-event.ts'
import type { AwaitAnswers } from '../../jobs/job-wait.ts'
import type { LoadedJob } from '../../jobs/registry.ts'
import type { Attempt } from '../handler/attempt.ts'
import type { StopSignal } from '../handler/stop-signal.ts'
import type { Outcome } from './executor.ts'

/** A call of `run` that has not ended. */
export interface Task {
  readonly loaded: LoadedJob
  readonly attempt: Attempt
  readonly emit: EmitJobEvent
  readonly stop: StopSignal
  readonly emitSpan: EmitSpan | undefined
  readonly awaitAnswers: AwaitAnswers | undefined
  readonly children: ChildrenPort | undefined
  /** It must run in a host in which nothing ran before, which serves no other task afterwards. */
  readonly isFresh: boolean
  resolve(outcome: Outcome): void
}
