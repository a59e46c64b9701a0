import { Job, type JobJson, type JobProgress, type JobsOptions, type MinimalQueue, Queue } from 'bullmq'
import { redisNow } from '../model/redis-time.ts'

/**
 * A job on its way to Redis. BullMQ copies the options of a job twice, looks at each once more, and writes down what a new job does not have:
 * half of what adding a job costs.
 */
class AddedJob<D, R, N extends string, P extends JobProgress> extends Job<D, R, N, P> {
  constructor(queue: MinimalQueue, name: N, data: D, opts: JobsOptions = {}, id?: string) {
    const { timestamp = redisNow(), delay = 0, priority = 0 } = opts
    super(queue, name, data, { timestamp }, id)
    this.opts = opts
    this.delay = delay
    this.priority = priority
  }

  override asJSON(): JobJson {
    const { id = '', name, opts, timestamp, data } = this
    // Without a spread, which is slow before other fields.
    return {
      id,
      name,
      opts,
      timestamp,
      data: JSON.stringify(data),
      progress: 0,
      attemptsMade: 0,
      attemptsStarted: 0,
      stalledCounter: 0,
      failedReason: '',
      returnvalue: 'null',
    }
  }

  protected override validateOptions(): void {}
}

/** BullMQ's Queue for jobs without parents, whose options are known to be valid. It has no default options, and nobody listens to it or traces it. */
export class AddingQueue extends Queue<unknown, unknown> {
  protected override get Job(): typeof Job {
    return AddedJob
  }

  override add(name: string, data: unknown, opts?: JobsOptions): Promise<Job<unknown, unknown>> {
    return AddedJob.create(this, name, data, opts)
  }
}
