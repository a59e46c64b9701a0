import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Job, WaitingError, Worker, type WorkerOptions } from 'bullmq'

/** So many jobs are asked for in one round trip at most. */
const most = 16
/** A second one is asked for to learn that there is none: the first need not wait for that then. */
const first = 2

/** What BullMQ's types leave out: that there may be none. */
const noJob = undefined as unknown as Job
const always = () => true

/**
 * A Worker that asks for several jobs at once. BullMQ's own asks for one at a time, and starts none before it has asked for all that it
 * may run: a hundred jobs that come together are a hundred round trips before the first of them begins.
 */
export class PrefetchingWorker extends Worker {
  readonly #putBack: (job: Job) => Promise<void>
  /** Given to BullMQ's loop one by one, before it asks for more or waits. */
  readonly #fetched: Job[] = []
  /** How many were fetched and are not over; how many of these have not been started. */
  #taken = 0
  #unstarted = 0
  #width = first
  #fetching: Promise<unknown> | undefined
  /** Ends that are being said, with which the next job may come. */
  readonly #asking = new Set<Promise<Job>>()
  /** Resolves when jobs may be asked for again. */
  #quiet: Promise<void> | undefined
  #isExhausted = false

  /** `putBack` gets jobs that were asked for before the worker began to close, and came after. */
  constructor(
    name: string,
    process: (job: Job, token: string) => Promise<unknown>,
    options: WorkerOptions,
    putBack: (job: Job) => Promise<void>,
  ) {
    super(name, (job, token) => process(job, token ?? ''), options)
    this.#putBack = putBack
  }

  override async processJob(...args: Parameters<Worker['processJob']>): ReturnType<Worker['processJob']> {
    this.#unstarted -= 1
    try {
      return await super.processJob(...args)
    } finally {
      this.#taken -= 1
    }
  }

  /** With the end of a job BullMQ asks for another. */
  protected override handleCompleted(...args: Parameters<Worker['handleCompleted']>): Promise<Job> {
    const [result, job, token, mayAsk = always, span] = args
    return this.#note(super.handleCompleted(result, job, token, () => !this.#quiet && mayAsk(), span))
  }

  /** … but not with one that was put back: that would be a fetch beside that of BullMQ's loop, which starts at once what it gets. */
  protected override handleFailed(...args: Parameters<Worker['handleFailed']>): Promise<Job> {
    const [error, job, token, mayAsk = always, span] = args
    const isPutBack = error instanceof WaitingError
    return this.#note(super.handleFailed(error, job, token, () => !(isPutBack || this.#quiet) && mayAsk(), span))
  }

  #note(asking: Promise<Job>): Promise<Job> {
    this.#asking.add(asking)
    const forget = () => this.#asking.delete(asking)
    asking.then(forget, forget)
    return asking
  }

  /**
   * Calls `start` when no job is on its way here, and those that came are started or given back; asks for none until that turn of
   * the event loop is over. For what may take this process along, or keep it busy for longer than a lock lives.
   */
  async startAlone<T>(start: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#quiet = promise
    await Promise.allSettled([this.#fetching, ...this.#asking])
    await nextTurn()
    setImmediate(() => {
      this.#quiet = undefined
      resolve()
    })
    return start()
  }

  /** Never more are fetched than may run: each is started in the turn of the event loop in which it comes. */
  protected override async moveToActive(token: string, name?: string): Promise<Job> {
    if (this.#fetched.length === 0) {
      while (this.#quiet && this.#unstarted === 0) await this.#untilNews(this.#quiet)
      // BullMQ's loop starts what it has when there is nothing to fetch: it would fetch all first.
      if (this.#unstarted > 0) return noJob
      const width = Math.max(1, Math.min(this.#width, this.concurrency - this.#taken))
      const fetching = this.#fetch(token, name, width)
      this.#fetching = Promise.allSettled([fetching])
      await fetching.finally(() => {
        this.#fetching = undefined
      })
    }
    const job = this.#fetched.shift()
    // Nothing was kept from BullMQ's loop: it may wait for the next job to be added.
    if (this.#isExhausted && this.#fetched.length === 0) await super.nextJobFromJobData()
    return job ?? noJob
  }

  /** Until it is quiet no more, or a job has come with an end that was being said before. */
  async #untilNews(quiet: Promise<void>): Promise<void> {
    if (this.#asking.size === 0) await quiet
    else await Promise.race([quiet, Promise.allSettled(this.#asking)])
  }

  async #fetch(token: string, name: string | undefined, width: number): Promise<void> {
    const looks = Array.from({ length: width }, (_, n) => super.moveToActive(`${token}.${n}`, name))
    const results: PromiseSettledResult<Job | undefined>[] = await Promise.allSettled(looks)
    const jobs = results.flatMap((result) => (result.status === 'fulfilled' && result.value) || [])
    this.#isExhausted = results.some((result) => result.status === 'fulfilled' && !result.value)
    // BullMQ wakes its loop once more after each job that it has found: as a rule for nothing.
    if (this.#isExhausted) this.#width = jobs.length > 0 ? 1 : first
    else this.#width = Math.min(most, 2 * jobs.length)
    const failed = results.find((result) => result.status === 'rejected')
    if (jobs.length === 0 && failed) throw failed.reason
    if (!this.closing) this.#fetched.push(...jobs)
    else for (const job of jobs) await this.#giveBack(job)
  }

  async #giveBack(job: Job): Promise<void> {
    this.#taken -= 1
    this.#unstarted -= 1
    await this.#putBack(job)
  }

  /** What a look has found. After one that found nothing BullMQ's loop waits until a job is added: not as long as some are to be started. */
  protected override async nextJobFromJobData(...found: Parameters<Worker['nextJobFromJobData']>): Promise<Job> {
    if (!found[0] && (this.#fetching || this.#fetched.length > 0)) return noJob
    const job: Job | undefined = await super.nextJobFromJobData(...found)
    if (!job) return noJob
    this.#taken += 1
    this.#unstarted += 1
    return job
  }
}
