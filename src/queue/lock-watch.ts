import type { Logger } from 'pino'
import { type RunningJob, stopGraceMs } from './running-job.ts'

export interface LockWatchOptions {
  running: ReadonlyMap<string, RunningJob>
  lockMs: number
  /** Renews locks. @returns the ids of those that were refused */
  renew: (ids: string[], tokens: string[]) => Promise<string[]>
  /** Redis says that these are not ours any more. */
  onRefused: (ids: string[]) => Promise<void>
  log: Logger
}

/** BullMQ renews at half of a lock's life; what it has not renewed by then, we do. */
const overdueShare = 0.7

/**
 * Stops the runs whose lock could not be renewed for as long as a lock lives: needs no answer from Redis. And renews what
 * BullMQ should have renewed by now: the end of an earlier run of a job makes it forget the job's next run.
 */
export class LockWatch {
  readonly #options: LockWatchOptions
  #timer: NodeJS.Timeout | undefined
  #isRenewing = false

  /** Watches from {@link start} on. */
  constructor(options: LockWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), this.#options.lockMs / 4)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    const { running, lockMs, log } = this.#options
    const overdue: [string, RunningJob][] = []
    for (const [id, job] of running) {
      const unheldMs = Date.now() - job.heldSince
      if (unheldMs > lockMs) {
        log.warn({ job: id }, 'the lock of a job could not be renewed in time: its run is stopped')
        job.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
      } else if (unheldMs > lockMs * overdueShare) overdue.push([id, job])
    }
    if (overdue.length > 0 && !this.#isRenewing) void this.#renew(overdue)
  }

  async #renew(overdue: [string, RunningJob][]): Promise<void> {
    const { renew, onRefused, log } = this.#options
    this.#isRenewing = true
    const sentAt = Date.now()
    try {
      const tokens = overdue.map(([, { token }]) => token)
      const refused = await renew(
        overdue.map(([id]) => id),
        tokens,
      )
      for (const [id, job] of overdue) if (!refused.includes(id)) job.heldSince = sentAt
      if (refused.length > 0) await onRefused(refused)
    } catch (error) {
      log.warn({ err: error }, 'locks could not be renewed')
    } finally {
      this.#isRenewing = false
    }
  }
}
