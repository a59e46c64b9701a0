import { type Job, WaitingError, Worker, type WorkerOptions } from 'bullmq'

/** So many jobs are asked for in one round trip at most; so few when the last found one or none. */
const most = 16
const least = 2

/** What BullMQ's types leave out: that there may be none. */
const noJob = undefined as unknown as Job

/**
 * A Worker that asks for several jobs at once. BullMQ's own asks for one at a time, and starts none before it has asked for all that it
 * may run: a hundred jobs that come together are a hundred round trips before the first of them begins.
 */
export class PrefetchingWorker extends Worker {
  readonly #putBack: (job: Job) => Promise<void>
  /** Given to BullMQ's loop one by one, before it asks for more or waits. */
  readonly #fetched: Job[] = []
  /** How many were fetched and are not over. */
  #taken = 0
  #width = least
  #isFetching = false
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
    try {
      return await super.processJob(...args)
    } finally {
      this.#taken -= 1
    }
  }

  /** A job that was put back asks for no other: so only BullMQ's loop asks, which starts at once what it gets. */
  protected override handleFailed(...args: Parameters<Worker['handleFailed']>): ReturnType<Worker['handleFailed']> {
    const [error, job, token, fetchNext, span] = args
    return super.handleFailed(error, job, token, error instanceof WaitingError ? () => false : fetchNext, span)
  }

  /** Never more are fetched than may run: each is started in the turn of the event loop in which it comes. */
  protected override async moveToActive(token: string, name?: string): Promise<Job> {
    const width = Math.min(this.#width, this.concurrency - this.#taken)
    if (this.#fetched.length === 0 && width < least) return super.moveToActive(token, name)
    if (this.#fetched.length === 0) await this.#fetch(token, name, width)
    const job = this.#fetched.shift()
    // Nothing was kept from BullMQ's loop: it may wait for the next job to be added.
    if (this.#isExhausted && this.#fetched.length === 0) await super.nextJobFromJobData()
    return job ?? noJob
  }

  async #fetch(token: string, name: string | undefined, width: number): Promise<void> {
    this.#isFetching = true
    const looks = Array.from({ length: width }, (_, n) => super.moveToActive(`${token}.${n}`, name))
    const results: PromiseSettledResult<Job | undefined>[] = await Promise.allSettled(looks)
    this.#isFetching = false
    const jobs = results.flatMap((result) => (result.status === 'fulfilled' && result.value) || [])
    this.#width = Math.max(least, Math.min(most, 2 * jobs.length))
    this.#isExhausted = results.some((result) => result.status === 'fulfilled' && !result.value)
    const failed = results.find((result) => result.status === 'rejected')
    if (jobs.length === 0 && failed) throw failed.reason
    if (!this.closing) this.#fetched.push(...jobs)
    else for (const job of jobs) await this.#giveBack(job)
  }

  async #giveBack(job: Job): Promise<void> {
    this.#taken -= 1
    await this.#putBack(job)
  }

  /** What a look has found. After one that found nothing BullMQ's loop waits until a job is added: not as long as some are to be started. */
  protected override async nextJobFromJobData(...found: Parameters<Worker['nextJobFromJobData']>): Promise<Job> {
    if (!found[0] && (this.#isFetching || this.#fetched.length > 0)) return noJob
    const job: Job | undefined = await super.nextJobFromJobData(...found)
    if (job) this.#taken += 1
    return job ?? noJob
  }
}
