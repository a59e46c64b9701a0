import { JobError } from '../../jobs/job-error.ts'
import type { StopRequest } from '../../jobs/stop-request.ts'
import type { StopSignal } from './stop-signal.ts'

const messages = {
  canceled: 'the job was canceled',
  timeout: 'the attempt ran out of time',
  deadline_exceeded: "the job's deadline passed",
  lock_lost: 'the worker lost its lease on the job',
  shutdown: 'the worker is shutting down',
  values_refused: 'no more values of the job are stored',
} satisfies Record<StopRequest['kind'], string>

const parked = 'the job is parked: its handler is called again'

/** The request of an aborted `stop`. A bare `abort()` is read as a cancel without grace. */
export function readStopRequest(stop: StopSignal): StopRequest {
  return isStopRequest(stop.reason) ? stop.reason : { kind: 'canceled', graceMs: 0 }
}

function isStopRequest(reason: unknown): reason is StopRequest {
  if (typeof reason !== 'object' || reason === null || !('kind' in reason) || !('graceMs' in reason)) return false
  return typeof reason.kind === 'string' && reason.kind in messages && typeof reason.graceMs === 'number'
}

/**
 * The abort reason that a handler sees: an `AbortError`, as from any aborted operation, with the kind of the stop as its `code`.
 * If the handler throws it, the failure keeps that code.
 */
export class StoppedError extends JobError {
  constructor(kind: StopRequest['kind'] | 'parked') {
    super(kind === 'parked' ? parked : messages[kind], { code: kind })
    this.name = 'AbortError'
  }
}

/** The abort reason for an aborted `stop`. */
export function stoppedError(stop: StopSignal): StoppedError {
  return new StoppedError(readStopRequest(stop).kind)
}
