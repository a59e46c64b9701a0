import type { Logger } from 'pino'
import { monotonicMs } from '../model/monotonic.ts'
import { type RunningJob, stopGraceMs } from './running-job.ts'

export interface LockRenewalOptions {
  running: ReadonlyMap<string, RunningJob>
  lockMs: number
  /** Renews locks. @returns the ids of those that were refused */
  renew: (ids: string[], tokens: string[]) => Promise<string[]>
  /** Redis says that these are not ours any more. */
  onRefused: (ids: string[]) => Promise<void>
  log: Logger
}

/** A lock is looked at so often in its life, and renewed at the first look after a quarter of it. */
const looksInLife = 4
/** So many locks are renewed by one call, which takes Redis a millisecond. */
const maxPerCall = 500

/** Renews the locks of running jobs, where no other thread has done so (see job-leases.ts). Stops a run whose lock was not renewed for as long as one lives, which needs no answer from Redis. */
export class LockRenewal {
  readonly #options: LockRenewalOptions
  #timer: NodeJS.Timeout | undefined
  #isRenewing = false

  /** Watches from {@link start} on. */
  constructor(options: LockRenewalOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), this.#options.lockMs / looksInLife)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    const { running, lockMs, onRefused, log } = this.#options
    const due: [string, RunningJob][] = []
    const gone: string[] = []
    const now = monotonicMs()
    for (const [id, job] of running) {
      const unheldMs = now - job.lease.heldSince
      if (unheldMs > lockMs) {
        // Once: a handler may not stop at once.
        if (job.lease.isGone && job.isStopped) continue
        log.warn({ job: id }, 'the lock of a job could not be renewed in time: its run is stopped')
        job.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
      } else if (job.lease.isGone) {
        if (!job.isStopped) gone.push(id)
      } else if (unheldMs > lockMs / (job.lease.isProtected ? 2 : looksInLife)) due.push([id, job])
    }
    if (gone.length > 0) void onRefused(gone)
    if (due.length > 0 && !this.#isRenewing) void this.#renew(due)
  }

  async #renew(due: [string, RunningJob][]): Promise<void> {
    const { renew, onRefused, log } = this.#options
    this.#isRenewing = true
    try {
      for (let from = 0; from < due.length; from += maxPerCall) {
        const some = due.slice(from, from + maxPerCall)
        const sentAt = monotonicMs()
        const ids = some.map(([id]) => id)
        const tokens = some.map(([, { token }]) => token)
        const refused = new Set(await renew(ids, tokens))
        for (const [id, job] of some) if (!refused.has(id)) job.lease.heldSince = sentAt
        if (refused.size > 0) await onRefused([...refused])
      }
    } catch (error) {
      log.warn({ err: error }, 'locks could not be renewed')
    } finally {
      this.#isRenewing = false
    }
  }
}
