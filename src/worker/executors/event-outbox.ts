import type { EmitJobEvent, JobEvent } from '../../jobs/job-event.ts'

/** From this many events that the pool has not acknowledged, a generator waits and progress is held back. */
export const eventWindow = 16
/** From this many, log lines are dropped. Higher, since code that computes without pause cannot learn of acknowledgements. */
export const logWindow = 256
/** Held progress goes out this often even without acknowledgements: a few a second fill no memory. */
export const progressIntervalMs = 100

export interface EventOutbox {
  emit: EmitJobEvent
  acknowledge(count: number): void
  /** Sends what was held back. To be called when the handler has ended. */
  flush(): void
}

/**
 * Sends a handler's events in order and keeps few of them in flight, whatever the handler does. An output waits; of progress
 * that comes too fast only the newest is kept; log lines are dropped, and a line in their place says how many.
 */
export function createEventOutbox(options: {
  attempt: number
  post(event: JobEvent): void
  now?: () => number
}): EventOutbox {
  const { attempt, now = () => performance.now() } = options
  let unacknowledged = 0
  let held: JobEvent | undefined
  let progressDueAt = 0
  let droppedLines = 0
  let wakeGenerator: (() => void) | undefined

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
    const message = `${droppedLines} log lines were dropped here: they came faster than they could be taken`
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

  return {
    emit(event) {
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
    flush() {
      postDropped()
      postHeld()
    },
  }
}
