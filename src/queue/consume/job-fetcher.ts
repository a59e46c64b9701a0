import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'bullmq'
import type { Logger } from 'pino'
import { type Acknowledged, exchange, type JobSuccess, type TakenJob } from '../bullmq/complete-and-fetch.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/** What one call ends and takes at most, and the characters of the outputs in it. More would save little, and let Redis and worker wait for each other. */
const mostInCall = { jobs: 16, characters: 1024 * 1024 }
/** So many an idle worker takes at least, where there are as many: what comes together is for all who are idle. */
const firstTaken = 2
/** How long an idle worker waits to be told of a job before it looks by itself: who was told may have died. */
const lookEveryMs = 5000
/** A start that takes longer has computed: what it held back is sent before the next. */
const longStartMs = 5
/** After an error of Redis. */
const tryAgainMs = 250

export interface JobTakerOptions {
  queue: string
  concurrency: number
  redis: Redis
  keys: Keys
  /** BullMQ's side of the queue, for its connection that waits. */
  bull: Worker
  workerName: string
  lockMs: number
  /** Runs a job, up to its first wait before it returns. */
  start: (job: TakenJob) => void
  /** For jobs that were asked for before this closed, and came after. Must not reject. */
  putBack: (job: TakenJob) => Promise<unknown>
  log: Logger
}

interface PendingEnd extends JobSuccess {
  acknowledge: (word: Acknowledged) => void
  fail: (error: unknown) => void
}

/**
 * Takes jobs of a queue as long as there is room for them. What has ended in one callback of the event loop is said in one call, which
 * brings as many jobs as that made room for; so a busy worker sends a call for some jobs in place of two for each.
 */
export class JobTaker {
  readonly #options: JobTakerOptions
  /** Given to `start`, and still in their places; asked for, and not here yet. */
  #running = 0
  #asked = 0
  #ends: PendingEnd[] = []
  /** How many the next call takes that is not made for ends: as many as came last, or twice as many when more were left. */
  #width = firstTaken
  readonly #calls = new Set<Promise<void>>()
  #callCount = 0
  /** As the last answer said, or the marker since. */
  #isExhausted = false
  #nextDueAt: number | undefined
  /** Resolves when jobs may be asked for again. */
  #quiet: Promise<void> | undefined
  #loop: Promise<void> | undefined
  #isClosing = false
  #stopped: Promise<void> | undefined
  #onNews: (() => void) | undefined

  /** Takes jobs from {@link start} on. */
  constructor(options: JobTakerOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#loop !== undefined && !this.#isClosing
  }

  start(): void {
    this.#loop ??= this.#takeWhileOpen()
  }

  /** Says that a job has succeeded; its place is free then. @throws what Redis says when it does not take it */
  end(success: JobSuccess): Promise<Acknowledged> {
    const { promise, resolve, reject } = Promise.withResolvers<Acknowledged>()
    // When all is said of what this callback of the event loop has led to, and no later: a handler may block the next.
    if (this.#ends.length === 0) process.nextTick(() => this.#sendEnds())
    this.#ends.push({ ...success, acknowledge: resolve, fail: reject })
    return promise
  }

  /** A job that was given to `start` has left its place otherwise. */
  leave(): void {
    this.#running -= 1
    this.#onNews?.()
  }

  /**
   * Calls `start` when no job is on its way here, and those that came are started; asks for none until that turn of the event
   * loop is over. For what may take this process along, or keep it busy for longer than a lock lives.
   */
  async startAlone<T>(start: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#quiet = promise
    await Promise.all(this.#calls)
    await nextTurn()
    setImmediate(() => {
      this.#quiet = undefined
      resolve()
    })
    return start()
  }

  /** Asks for no more jobs. Resolves when all that were taken have left their places, and Redis knows. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#isClosing = true
    this.#onNews?.()
    await this.#options.bull.backend.disconnectBlocking()
    await this.#loop
    while (this.#running > 0 || this.#calls.size > 0) await this.#news()
  }

  get #room(): number {
    return this.#options.concurrency - this.#running - this.#asked
  }

  async #takeWhileOpen(): Promise<void> {
    while (!this.#isClosing) {
      try {
        if (this.#quiet) await this.#quiet
        else if (this.#room <= 0) await this.#news()
        else if (this.#isExhausted) await this.#untilJobsWait()
        else await this.#call([], this.#width)
      } catch (error) {
        if (this.#isClosing) return
        this.#options.log.warn({ queue: this.#options.queue, err: error }, 'no jobs could be taken')
        await sleep(tryAgainMs)
      }
    }
  }

  /** Resolves when a place was left or an answer has come. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#onNews = resolve
    })
  }

  /** By BullMQ's marker: whoever adds a job sets it, and whoever is idle takes it away; with the time of a delayed job until that. */
  async #untilJobsWait(): Promise<void> {
    const { backend } = this.#options.bull
    const waitMs = Math.min((this.#nextDueAt ?? Infinity) - Date.now(), lookEveryMs)
    try {
      const marker = waitMs > 0 && (await backend.waitForJob(Math.max(waitMs / 1000, backend.minimumBlockTimeout)))
      if (marker && marker.score > Date.now()) this.#nextDueAt = marker.score
      else this.#isExhausted = false
    } catch (error) {
      // What was waited on may be gone for good.
      if (!this.#isClosing) await backend.reconnectBlocking()
      throw error
    }
  }

  #sendEnds(): void {
    const ends = this.#ends
    this.#ends = []
    for (let from = 0; from < ends.length; ) {
      let to = from
      let characters = 0
      do characters += ends[to++]?.output.length ?? 0
      while (to < ends.length && to - from < mostInCall.jobs && characters < mostInCall.characters)
      const some = ends.slice(from, to)
      this.#running -= some.length
      // As many as made room: what else waits is taken as by an idle worker.
      this.#call(some, some.length).catch((error: unknown) => some.forEach(({ fail }) => fail(error)))
      from = to
    }
  }

  #call(ends: PendingEnd[], mostTaken: number): Promise<void> {
    const call = this.#exchange(ends, mostTaken).finally(() => {
      this.#calls.delete(settled)
      this.#onNews?.()
    })
    const settled = call.catch(() => undefined)
    this.#calls.add(settled)
    return call
  }

  async #exchange(ends: PendingEnd[], mostTaken: number): Promise<void> {
    const { queue, bull, lockMs, workerName } = this.#options
    const most = this.#isClosing || this.#quiet ? 0 : Math.max(0, Math.min(this.#room, mostTaken))
    this.#asked += most
    const asked = { most, token: `${bull.id}:${++this.#callCount}`, lockMs, workerName }
    const answer = await exchange(this.#options, queue, ends, asked).catch((error: unknown) => {
      this.#asked -= most
      throw error
    })
    this.#asked -= most
    this.#running += answer.taken.length
    if (most > 0) {
      this.#isExhausted = !answer.isMore
      const came = answer.isMore ? 2 * answer.taken.length : answer.taken.length
      if (ends.length === 0) this.#width = Math.max(firstTaken, Math.min(came, mostInCall.jobs))
      this.#nextDueAt = answer.nextDueAt
    }
    for (const [n, { acknowledge }] of ends.entries()) acknowledge(answer.acknowledged[n] ?? 'lost')
    await this.#startAll(answer.taken)
  }

  async #startAll(jobs: TakenJob[]): Promise<void> {
    for (const job of jobs) {
      if (this.#isClosing) {
        void this.#options.putBack(job).then(() => this.leave())
        continue
      }
      const from = performance.now()
      this.#options.start(job)
      if (performance.now() - from > longStartMs) await nextTurn()
    }
  }
}
