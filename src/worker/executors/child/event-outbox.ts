import { type EmitJobEvent, isKeepRequest, type JobEvent, type KeepRequest } from '../../../jobs/job-event.ts'
import type { JobFailure } from '../../../jobs/job-failure.ts'

/** With this many unacknowledged events a generator waits and progress is held back. */
export const eventWindow = 16
/** With this many, log lines are dropped. Higher, since code that computes without a pause does not receive acknowledgements. */
export const logWindow = 256
/** Held progress is sent this often even without acknowledgements: a few events per second need little memory. */
export const progressIntervalMs = 100

export interface EventOutbox {
  emit: EmitJobEvent
  acknowledge(count: number): void
  /** What a request asked for is stored, or why it is not. */
  settleKeep(n: number, refusal: JobFailure | undefined): void
  /** Sends the events that were held back. Call it when the handler has ended. */
  flush(): void
}

/**
 * Sends the events of a handler in order and bounds how many are in flight. When the receiver is behind, an output makes the
 * generator wait, only the newest progress is kept, and log lines are dropped and counted in a line of their own.
 */
export function createEventOutbox(options: {
  attempt: number
  post(event: JobEvent | KeepRequest): void
  now?: () => number
}): EventOutbox {
  const { attempt, now = () => performance.now() } = options
  let unacknowledged = 0
  let held: JobEvent | undefined
  let progressDueAt = 0
  let droppedLines = 0
  let wakeGenerator: (() => void) | undefined
  const keeping = new Map<number, (refusal: JobFailure | undefined) => void>()

  const post = (event: JobEvent) => {
    unacknowledged++
    options.post(event)
  }
  const postHeld = () => {
    if (!held) return
    post(held)
    held = undefined
  }
  const postDropped = () => {
    if (droppedLines === 0) return
    const message = `${droppedLines} log lines were dropped because they came faster than they could be stored`
    droppedLines = 0
    post({ kind: 'log', at: new Date().toISOString(), level: 'warn', message, attempt })
  }

  const emitOutput = (event: JobEvent) => {
    postHeld()
    post(event)
    if (unacknowledged < eventWindow) return undefined
    return new Promise<void>((resolve) => {
      wakeGenerator = resolve
    })
  }
  const emitProgress = (event: JobEvent) => {
    held = event
    if (unacknowledged >= eventWindow && now() < progressDueAt) return
    progressDueAt = now() + progressIntervalMs
    postHeld()
  }
  const emitLog = (event: JobEvent) => {
    if (unacknowledged >= logWindow) {
      droppedLines++
      return
    }
    postHeld()
    postDropped()
    post(event)
  }

  /** Bounded by itself: what is not awaited makes room for newer. */
  const emitKeep = (request: KeepRequest) => {
    postHeld()
    options.post(request)
    return new Promise<JobFailure | undefined>((resolve) => keeping.set(request.n, resolve))
  }

  return {
    emit(event) {
      if (isKeepRequest(event)) return emitKeep(event)
      if (event.kind === 'output') return emitOutput(event)
      if (event.kind === 'progress') emitProgress(event)
      else emitLog(event)
      return undefined
    },
    acknowledge(count) {
      unacknowledged -= count
      if (unacknowledged >= eventWindow) return
      postDropped()
      postHeld()
      wakeGenerator?.()
    },
    settleKeep(n, refusal) {
      keeping.get(n)?.(refusal)
      keeping.delete(n)
    },
    flush() {
      postDropped()
      postHeld()
    },
  }
}
