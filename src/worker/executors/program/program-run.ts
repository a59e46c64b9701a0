import type { Job } from '../../../jobs/define-job.ts'
import type { StopRequest } from '../../../jobs/stop-request.ts'
import type { Host, HostEnd } from '../host.ts'

/** One job in a program: how its handler runs, and how it is stopped. */
export interface ProgramRun {
  readonly name: Host['name']
  readonly run: () => ReturnType<Job['run']>
  /** Asks it to stop. */
  stop(reason: StopRequest['kind']): void
  /** Ends its process: SIGTERM, and SIGKILL after the grace. */
  kill(graceMs: number): void
  /** Resolves when its process is gone before the job has ended by itself. */
  readonly gone: Promise<HostEnd>
  /** The job has ended. */
  release(): void
}
