import { indexEntry, type JobRef, ulidOf } from '../model/job-id.ts'
import { type JobRecord, timeLimits } from '../model/job-record.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import { whenGathered } from '../redis/end-of-turn.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { bullOptions, bullPriority } from './bull-options.ts'

const storeJobs = loadScript('bullmq/store-jobs')

/** What one call takes. More would save little, and keep Redis and workers waiting while a crowd is let in. */
const most = { jobs: 16, characters: 1024 * 1024 }

/** A job as it is stored. Times are epoch milliseconds; `dueAt`: not before then. */
export interface JobToStore {
  ref: JobRef
  type: string
  record: JobRecord
  attempts: number
  createdAt: number
  dueAt: number | undefined
  /** The channel on which somebody waits for its end: `JobEventHub.waiter`. */
  waiter?: string | undefined
}

interface Batch {
  args: (string | number)[]
  jobs: number
  characters: number
  stored: Promise<void>
  send: () => void
}

/**
 * Puts jobs where BullMQ's own add would put them, with their places in our lists: all at one moment, so that no job is there without them.
 * Those that are given in one turn of the event loop are stored by one call for each queue, or a few.
 */
export class JobStore {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #isListed: boolean
  readonly #open = new Map<string, Batch>()

  /** `isListed`: the jobs can be found by their tenant. */
  constructor(deps: { redis: Redis; keys: Keys; isListed: boolean }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#isListed = deps.isListed
  }

  /**
   * Stores a job, unless one of its id is there. When this resolves, it is in Redis.
   *
   * @throws QueueUnavailableError; the job may have been stored all the same.
   */
  store({ ref, type, record, attempts, createdAt, dueAt, waiter }: JobToStore): Promise<void> {
    const data = JSON.stringify(record)
    const { priority } = record
    const options = bullOptions({ attempts, priority, delayMs: dueAt === undefined ? undefined : dueAt - createdAt })
    const { startBy = '', deadlineAt = '' } = timeLimits(record)
    const batch = this.#batchFor(ref.queue)
    batch.args.push(ref.id, type, data, options, bullPriority(priority), createdAt, dueAt ?? '', startBy, deadlineAt)
    batch.args.push(this.#isListed ? indexEntry(record.tenant, ulidOf(ref.id)) : '')
    batch.args.push(record.webhook ? (dueAt ?? createdAt) : '', waiter ?? '')
    batch.jobs += 1
    batch.characters += data.length
    if (batch.jobs >= most.jobs || batch.characters >= most.characters) batch.send()
    return batch.stored
  }

  #batchFor(queue: string): Batch {
    const open = this.#open.get(queue)
    if (open) return open
    const { promise: stored, resolve } = Promise.withResolvers<void>()
    const send = () => {
      // It may have been full before.
      if (this.#open.get(queue) !== batch) return
      this.#open.delete(queue)
      resolve(this.#send(queue, batch.args))
    }
    const batch: Batch = { args: [this.#keys.bull(queue, '')], jobs: 0, characters: 0, stored, send }
    this.#open.set(queue, batch)
    whenGathered(send)
    return batch
  }

  async #send(queue: string, args: (string | number)[]): Promise<void> {
    const keys = this.#keys
    const sets = ['prioritized', 'delayed', 'pc', 'marker', 'meta'].map((set) => keys.bull(queue, set))
    const lists = [keys.timeLimits(queue), keys.index(queue), keys.webhookDebts(queue)]
    await whenAvailable(storeJobs(this.#redis, [...sets, ...lists], args))
  }
}
