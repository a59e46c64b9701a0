import { Job, type JobJson, type JobProgress, Queue } from 'bullmq'

/**
 * A job on its way to Redis. BullMQ looks at its options once more, which Drover made, and writes down what a new job does not have: a good part of what
 * adding a job costs.
 */
class AddedJob<D, R, N extends string, P extends JobProgress> extends Job<D, R, N, P> {
  override asJSON(): JobJson {
    const { id = '', name, opts, timestamp, data } = this
    return { ...fresh, id, name, opts, timestamp, data: JSON.stringify(data) }
  }

  protected override validateOptions(): void {}
}

/** What every new job has. */
const fresh = {
  progress: 0,
  attemptsMade: 0,
  attemptsStarted: 0,
  stalledCounter: 0,
  failedReason: '',
  returnvalue: 'null',
}

/** BullMQ's Queue for jobs without parents whose options are known to be valid. */
export class AddingQueue extends Queue {
  protected override get Job(): typeof Job {
    return AddedJob
  }
}
