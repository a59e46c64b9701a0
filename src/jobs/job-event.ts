import type { LogLevel } from './define-job.ts'

/** An event of a running handler. These three kinds are stored for replay; `state` and `done` come from the job itself. */
export type JobEvent =
  | { kind: 'progress'; fraction: number; message: string | null; data: unknown }
  | { kind: 'output'; value: unknown }
  | { kind: 'log'; at: string; level: LogLevel; message: string; attempt: number }

/**
 * Receives the events of a running job in order. Returns a promise only when the receiver is behind: a caller that can wait (a
 * generator between two yields) awaits it; for one that cannot (`job.progress`) the receiver drops stale events.
 */
export type EmitJobEvent = (event: JobEvent) => Promise<void> | undefined
