import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import { modulePath } from '../../module-path.ts'
import { type JobLease, UnprotectedLease } from '../model/job-lease.ts'
import { QueueUnavailableError } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { LeaseTable } from './lease-table.ts'
import type { JobOnLoop, LoopBlocker } from './loop-blocker.ts'

export interface JobLeasesOptions {
  redisAt: { url: string; ca?: string | undefined }
  keys: Keys
  queues: readonly string[]
  /** How many jobs run at the same time at most. */
  concurrency: number
  lockMs: number
  /** Learns which job blocks the event loop. */
  blocker: LoopBlocker
  log: Logger
}

/** What the thread gets. */
export interface LeaseThreadOptions {
  buffer: SharedArrayBuffer
  /** The prefix is what the keys of the queue begin with. */
  queues: readonly { name: string; prefix: string }[]
  lockMs: number
  beatMs: number
  giveUpAfterMs: number
  exitAfterMs: number
  /** A thread before it has failed. */
  isRestart: boolean
  redisAt: { url: string; ca?: string | undefined }
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/**
 * What the thread posts: a line for the log, which the main thread writes (`outage`: why Redis is away, where that is its error), or which job
 * blocks the main thread.
 */
export type LeaseThreadMessage =
  | { level: LogLevel; fields: object; message: string; outage?: string | undefined }
  | { blocker: JobOnLoop }

/** The leases of a worker that blocks its event loop for longer than this many of them are given up. */
const giveUpAfterLeases = 3
/** … and a worker that blocks it for longer than this ends: its supervisor starts another. */
const exitAfterLeases = 6
const longestBeatMs = 100
const restartAfterMs = 1000

/**
 * Keeps the leases of a worker's running jobs by a thread of its own, with a connection of its own. A handler that blocks the event loop
 * delays the jobs beside it, but they are not redelivered while they still run here. A loop that is blocked for longer than three
 * leases may be blocked for ever: then the thread gives them up, and other workers get the jobs. After six it ends the process.
 *
 * The thread costs 20 MB, so that it starts with the first job.
 */
export class JobLeases {
  readonly #options: JobLeasesOptions
  readonly #table: LeaseTable
  readonly #beatMs: number
  #beat: NodeJS.Timeout | undefined
  #thread: Worker | undefined
  #restart: NodeJS.Timeout | undefined
  #isFailing = false
  #isStopped = false

  constructor(options: JobLeasesOptions) {
    this.#options = options
    this.#beatMs = Math.min(longestBeatMs, options.lockMs / 8)
    // A run whose lease is lost may go on for a while, beside the one that has its place.
    this.#table = new LeaseTable(2 * options.concurrency + 64)
  }

  /** A lease that the thread renews from now on. */
  hold(queue: string, id: string, token: string, heldSince: number): JobLease {
    if (!this.#beat) this.#start()
    const table = this.#table
    const slot = table.take({ queue: this.#options.queues.indexOf(queue), id, token, heldSince })
    return slot === undefined ? new UnprotectedLease(heldSince) : new ProtectedLease(table, slot)
  }

  /** Ends the thread; leases that are still held expire. Safe to call twice. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#beat)
    clearTimeout(this.#restart)
    await this.#thread?.terminate()
  }

  #start(): void {
    if (this.#isStopped) return
    this.#beat = setInterval(() => this.#table.beat(), this.#beatMs)
    this.#startThread(false)
  }

  #startThread(isRestart: boolean): void {
    const { keys, queues, lockMs, redisAt, blocker, log } = this.#options
    const workerData: LeaseThreadOptions = {
      buffer: this.#table.buffer,
      queues: queues.map((name) => ({ name, prefix: keys.bull(name, '') })),
      ...{ lockMs, redisAt, beatMs: this.#beatMs, giveUpAfterMs: giveUpAfterLeases * lockMs },
      exitAfterMs: exitAfterLeases * lockMs,
      isRestart,
    }
    const thread = new Worker(modulePath('queue/consume/lease-thread'), {
      name: 'drover leases',
      workerData,
      execArgv: [],
      // Its heap is small, and so is its garbage.
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 },
    })
    this.#thread = thread
    thread.on('message', (posted: LeaseThreadMessage) => {
      this.#isFailing = false
      if ('blocker' in posted) blocker.note(posted.blocker)
      else {
        const { level, fields, message, outage } = posted
        // An error of another thread has lost its class.
        log[level](
          outage === undefined ? fields : { ...fields, err: new QueueUnavailableError(new Error(outage)) },
          message,
        )
      }
    })
    thread.on('error', (error) => {
      if (!this.#isFailing) log.error({ err: error }, 'the thread that renews leases failed; it is restarted')
      this.#isFailing = true
    })
    thread.on('exit', () => {
      if (!this.#isStopped) this.#restart = setTimeout(() => this.#startThread(true), restartAfterMs)
    })
  }
}

class ProtectedLease implements JobLease {
  readonly isProtected = true
  readonly #table: LeaseTable
  readonly #slot: number
  /** By the main thread itself. */
  #renewedAt = 0
  #isReleased = false

  constructor(table: LeaseTable, slot: number) {
    this.#table = table
    this.#slot = slot
  }

  get heldSince(): number {
    return this.#isReleased ? this.#renewedAt : Math.max(this.#renewedAt, this.#table.heldSince(this.#slot))
  }

  set heldSince(at: number) {
    this.#renewedAt = at
  }

  get isGone(): boolean {
    return this.#isReleased || this.#table.isGone(this.#slot)
  }

  markStarting(isStarting: boolean): void {
    this.#table.starting = isStarting ? this.#slot : 0
  }

  giveUp(): void {
    if (!this.#isReleased) this.#table.giveUp(this.#slot)
  }

  release(): void {
    if (!this.#isReleased) this.#table.release(this.#slot)
    this.#isReleased = true
  }
}
