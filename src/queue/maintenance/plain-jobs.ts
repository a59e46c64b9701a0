import { type JobRef, parseJobId, parsePlainJobId } from '../model/job-id.ts'
import type { Redis } from '../redis/connection.ts'
import { IncarnationMap } from '../redis/incarnation.ts'
import type { Keys } from '../redis/keys.ts'
import { JobIndex } from '../store/job-index.ts'

/** Events of a queue that are read at once: a busy stream is followed over several sweeps. */
const maxEvents = 1000

/**
 * Lists the jobs that plain BullMQ producers add. BullMQ's scripts write an event for each to the event stream of the queue; Drover's write
 * none, unless that is switched on. The stream is trimmed: a job whose event is gone is listed when a worker starts it.
 */
export class PlainJobs {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #index: JobIndex
  readonly #readTo: IncarnationMap<string, string>

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#index = new JobIndex(deps)
    this.#readTo = new IncarnationMap(deps.redis)
  }

  /** Lists the jobs that were added since the last call. A job may be listed again. @throws what Redis says; a later call repeats */
  async list(queue: string): Promise<void> {
    const readTo = this.#readTo.get(queue)
    const from = readTo === undefined ? '-' : `(${readTo}`
    const events = await this.#redis.xrange(this.#keys.bull(queue, 'events'), from, '+', 'COUNT', maxEvents)
    await Promise.all(events.map(([, fields]) => this.#add(addedJob(queue, fields))))
    const [last] = events.at(-1) ?? []
    if (last !== undefined) this.#readTo.set(queue, last)
  }

  async #add(ref: JobRef | undefined): Promise<void> {
    if (!ref) return
    const createdAt = await this.#redis.hget(this.#keys.job(ref), 'timestamp')
    if (createdAt !== null) await this.#index.addPlain(ref, Number(createdAt))
  }
}

/** The job of a plain producer whose event `added` this is. `fields`: names and values. */
function addedJob(queue: string, fields: string[]): JobRef | undefined {
  const valueOf = (name: string) => fields.find((_, n) => n % 2 === 1 && fields[n - 1] === name)
  const id = valueOf('jobId')
  if (valueOf('event') !== 'added' || id === undefined || parseJobId(id)) return undefined
  return parsePlainJobId(`${queue}_${id}`)
}
