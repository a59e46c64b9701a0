import { BullQueues } from '../bullmq/bull-queues.ts'
import { addedJob } from '../model/added-job.ts'
import { type HeldBy, heldByQueue } from '../model/held-by.ts'
import { bullIdOf, type JobRef, parseJobId, parsePlainJobId } from '../model/job-id.ts'
import type { PlainSecrets } from '../model/job-record.ts'
import { type NewJob, recordOf } from '../model/new-job.ts'
import { redisNow } from '../model/redis-time.ts'
import type { JobView } from '../model/standing.ts'
import type { StoredJob, StoredOutput } from '../model/stored-job.ts'
import { uniqueClaim } from '../model/unique-key.ts'
import { QueueUnavailableError, type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { changeWaiting } from './change-waiting.ts'
import { countQueue, type QueueCounts, waitingSince } from './count-queue.ts'
import { wasEvicted } from './evicted-ids.ts'
import { type FailureFilter, type FailureGroup, readFailureGroups } from './failure-groups.ts'
import { readStoredOutput, readWholeOutput } from './job-output.ts'
import { readValues, type ValuesPage, type ValuesPlace } from './job-values.ts'
import { membersOf } from './members-of.ts'
import { QueueLimits } from './queue-limits.ts'
import { readJob, readStanding } from './read-job.ts'
import { readKept } from './read-kept.ts'
import { readMany } from './read-many.ts'
import { removeJob } from './remove-job.ts'
import { type Received, signalJob } from './signal-job.ts'

const pauseQueue = loadScript('bullmq/pause-queue')
const findHolder = loadScript('bullmq/find-holder')

export type { FailureGroup } from './failure-groups.ts'

/** For how long it is cached what holds the jobs of a queue. */
const heldAgeMs = 2000

/** Jobs that are handed to BullMQ before others have a turn of the event loop. */
const addedAtOnce = 500

/** The API's side of queues: stores, reads, counts and removes jobs. */
export class JobQueue {
  /** The limits of the queues from outside. */
  readonly limits: QueueLimits
  readonly #client: Redis
  readonly #keys: Keys
  readonly #bull: BullQueues
  readonly #onAdded: (type: string, tenant: string) => void
  readonly #queues: ReadonlySet<string>
  readonly #acceptsPlainJobs: boolean
  readonly #reading: Parameters<typeof readJob>[0]
  readonly #held = new Map<string, { at: number; value: HeldBy | undefined }>()

  /** `onAdded` is called for each job that this process stored. `isListed` and `listedBy`: see BullQueues. */
  constructor(deps: {
    client: Redis
    keys: Keys
    queues: Iterable<string>
    isListed?: boolean
    listedBy?: 'ulid' | 'id'
    isShared?: (() => boolean) | undefined
    acceptsPlainJobs?: boolean
    plainSecrets?: PlainSecrets
    onAdded?: (type: string, tenant: string) => void
  }) {
    this.#client = deps.client
    this.limits = new QueueLimits({ redis: deps.client, keys: deps.keys })
    this.#keys = deps.keys
    this.#bull = new BullQueues({
      redis: deps.client,
      keys: deps.keys,
      isListed: deps.isListed ?? true,
      listedBy: deps.listedBy,
      isShared: deps.isShared,
    })
    this.#onAdded = deps.onAdded ?? (() => undefined)
    this.#queues = new Set(deps.queues)
    this.#acceptsPlainJobs = deps.acceptsPlainJobs ?? false
    this.#reading = { redis: deps.client, keys: deps.keys, plainSecrets: deps.plainSecrets }
  }

  /** @throws QueueUnavailableError when Redis does not answer. */
  async ping(): Promise<void> {
    await whenAvailable(this.#client.ping())
  }

  /** The job that a client names; undefined when the id has not the shape of one. */
  refOf(id: string): JobRef | undefined {
    const ref = parseJobId(id) ?? (this.#acceptsPlainJobs ? parsePlainJobId(id) : undefined)
    return ref?.bullId === undefined || this.#queues.has(ref.queue) ? ref : undefined
  }

  /** The queues that job types use. */
  get names(): string[] {
    return [...this.#queues]
  }

  /** @throws QueueUnavailableError */
  count(name: string): Promise<QueueCounts> {
    return countQueue(this.#client, this.#keys, name)
  }

  /** Since when the job of `ids` that has waited longest could have started, in epoch ms. @throws QueueUnavailableError */
  waitingSince(name: string, ids: string[]): Promise<number | undefined> {
    return waitingSince(this.#client, this.#keys, name, ids)
  }

  /** See {@link readFailureGroups}. @throws QueueUnavailableError */
  failureGroups(filter: FailureFilter): Promise<FailureGroup[]> {
    return readFailureGroups({ redis: this.#client, keys: this.#keys }, filter)
  }

  /** What holds the jobs of a queue; cached for a few seconds, and then no promise. Undefined also when Redis does not answer. */
  heldBy(name: string): HeldBy | undefined | Promise<HeldBy | undefined> {
    const known = this.#held.get(name)
    return known && performance.now() - known.at < heldAgeMs ? known.value : this.#findHeldBy(name)
  }

  async #findHeldBy(name: string): Promise<HeldBy | undefined> {
    try {
      const { paused: isPaused, workers, pausedAt, workerLeftAt } = await this.count(name)
      const now = redisNow()
      const lastBeat = workers > 0 ? now : undefined
      const value = heldByQueue({ now, isPaused, pausedAt, workerLeftAt, lastBeat }, 0)
      this.#held.set(name, { at: performance.now(), value })
      return value
    } catch (error) {
      if (error instanceof QueueUnavailableError) return undefined
      throw error
    }
  }

  /**
   * Stores a job, unless its id exists. Once this resolves, the job is in Redis and workers can fetch it. Where another job has its key, the result
   * says so in `deduplicated`, and the rest of it is the job as it would be.
   *
   * @throws QueueUnavailableError; the job may be stored all the same. JobRefusedError: it is not
   */
  async add(job: NewJob): Promise<StoredJob> {
    const { ref, type } = job
    if (!this.#queues.has(ref.queue)) throw new RangeError(`no job type uses the queue "${ref.queue}"`)
    const { record, inputBytes, deduplicated } = await this.#bull.add(job)
    if (deduplicated === undefined || deduplicated.canceled) this.#onAdded(type, record.tenant)
    return addedJob(job, { record, inputBytes, deduplicated })
  }

  /**
   * Stores jobs without keys of `unique`, `debounce`, `concurrency` or `rate`, each unless its id exists. A part of them may be stored where it fails.
   *
   * @returns them in order. @throws QueueUnavailableError
   */
  async addMany(jobs: NewJob[]): Promise<StoredJob[]> {
    const stored = new Map<NewJob, StoredJob>()
    for (const [queue, some] of Map.groupBy(jobs, ({ ref }) => ref.queue)) {
      if (!this.#queues.has(queue)) throw new RangeError(`no job type uses the queue "${queue}"`)
      for (let from = 0; from < some.length; from += addedAtOnce) {
        const part = some.slice(from, from + addedAtOnce)
        const added = await this.#bull.addBulk(queue, part)
        for (const [n, job] of part.entries())
          stored.set(job, addedJob(job, { record: recordOf(job), inputBytes: added[n] }))
      }
    }
    for (const { type, record } of jobs) this.#onAdded(type, record.tenant)
    return jobs.flatMap((job) => stored.get(job) ?? [])
  }

  /** See {@link membersOf}. @throws QueueUnavailableError */
  membersOf(name: string, tenant: string, key: string): Promise<string[]> {
    return membersOf({ redis: this.#client, keys: this.#keys }, name, tenant, key)
  }

  /** The job that holds the unique key of a new one; undefined: nobody does. @throws QueueUnavailableError */
  async holderFor({ ref: { queue, id }, record: { tenant, unique }, createdAt }: NewJob): Promise<string | undefined> {
    if (!unique) return undefined
    const args = [this.#keys.bull(queue, ''), uniqueClaim(tenant, unique, createdAt)]
    const holder = await whenAvailable(findHolder(this.#client, [this.#keys.claims(queue)], args))
    return typeof holder === 'string' && holder !== id ? holder : undefined
  }

  /** See {@link removeJob}. @throws QueueUnavailableError */
  remove(job: StoredJob): Promise<'removed' | 'missing' | 'not_done'> {
    return removeJob({ redis: this.#client, keys: this.#keys }, job)
  }

  /** Pauses or resumes a queue: workers fetch no jobs of a paused queue. Running jobs go on. @throws QueueUnavailableError */
  async setPaused(name: string, paused: boolean): Promise<void> {
    if (!this.#queues.has(name)) return
    const names = ['meta', 'marker', 'prioritized', 'wait', 'delayed'].map((suffix) => this.#keys.bull(name, suffix))
    await whenAvailable(pauseQueue(this.#client, names, [paused ? 'paused' : 'resumed', redisNow()]))
    this.#held.delete(name)
  }

  /** See {@link readJob}. @throws QueueUnavailableError */
  read(ref: JobRef, tenant?: string, view: JobView = 'whole'): Promise<StoredJob | undefined> {
    return readJob(this.#reading, ref, tenant, view)
  }

  /** See {@link readKept}. @throws QueueUnavailableError */
  readKept(ref: JobRef): ReturnType<typeof readKept> {
    return readKept(this.#reading, ref)
  }

  /** See {@link readStanding}. @throws QueueUnavailableError */
  readStanding(ref: JobRef, tenant: string | undefined, of: 'all' | 'own'): ReturnType<typeof readStanding> {
    return readStanding(this.#reading, ref, tenant, of)
  }

  /** See {@link changeWaiting}. @throws QueueUnavailableError */
  changeWaiting(
    job: StoredJob,
    change: Parameters<typeof changeWaiting>[2],
    now: number,
  ): ReturnType<typeof changeWaiting> {
    return changeWaiting(this.#reading, job, change, now)
  }

  /** Whether a job of the tenant, or of any where that is undefined, was evicted lately. @throws QueueUnavailableError */
  wasEvicted(ref: JobRef, tenant?: string): Promise<boolean> {
    return wasEvicted(this.#client, this.#keys.evicted(ref.queue), bullIdOf(ref), tenant)
  }

  /** See {@link readMany}; without large inputs. @throws QueueUnavailableError */
  readMany(refs: JobRef[]): AsyncGenerator<{ ref: JobRef; job: StoredJob | undefined }, void, undefined> {
    return readMany({ redis: this.#client, keys: this.#keys, read: (ref) => this.read(ref, undefined, 'small') }, refs)
  }

  /**
   * The whole output of a job, wherever it is stored; undefined when the job is missing or has not succeeded.
   *
   * @throws QueueUnavailableError
   */
  async readOutput(ref: JobRef): Promise<{ value: unknown } | undefined> {
    const job = await this.read(ref)
    if (job?.state !== 'succeeded') return undefined
    if (!job.storedOutput) return { value: job.output }
    const json = await readWholeOutput({ redis: this.#client, keys: this.#keys }, job, job.storedOutput)
    return json === undefined ? undefined : { value: JSON.parse(json) }
  }

  /** See {@link signalJob}. @throws QueueUnavailableError */
  signal(ref: JobRef, name: string, payload: string): Promise<Received> {
    return signalJob({ redis: this.#client, keys: this.#keys }, ref, name, payload)
  }

  /** See {@link readValues}. @throws QueueUnavailableError */
  readValues(
    ref: JobRef,
    place: ValuesPlace | undefined,
    options: { limit: number; bytes: number; hint?: number },
  ): Promise<ValuesPage> {
    return readValues({ redis: this.#client, keys: this.#keys }, ref, place, options)
  }

  /** The bytes `from` to `to` (exclusive) of an output that is stored beside its job, as JSON: see {@link readStoredOutput}. */
  streamOutput(ref: JobRef, output: StoredOutput, from: number, to: number): AsyncGenerator<Buffer, void, undefined> {
    return readStoredOutput({ redis: this.#client, keys: this.#keys }, ref, output, from, to)
  }
}
