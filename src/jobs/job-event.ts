import type { LogLevel } from './define-job.ts'

/** What a running handler says. These three are stored for replay; `state` and `done` are read from the job itself. */
export type JobEvent =
  | { kind: 'progress'; fraction: number; message: string | null; data: unknown }
  | { kind: 'output'; value: unknown }
  | { kind: 'log'; at: string; level: LogLevel; message: string; attempt: number }

/**
 * Takes one event of a running job, in order. Returns a promise only when the receiver is behind: whoever can wait (a
 * generator between two yields) awaits it, whoever cannot (`job.progress`) goes on and the receiver drops what is stale.
 */
export type EmitJobEvent = (event: JobEvent) => Promise<void> | undefined
