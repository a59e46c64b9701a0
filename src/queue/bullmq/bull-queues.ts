import { RedisConnection } from 'bullmq'
import { indexEntry, indexEntryOf, ulidOf } from '../model/job-id.ts'
import { labelEntry, labelsOf } from '../model/job-label.ts'
import { timeLimits } from '../model/job-record.ts'
import { dueAtOf, type NewJob, recordOf } from '../model/new-job.ts'
import { JobRefusedError, schedulingHash } from '../model/scheduling.ts'
import { debounceClaim, uniqueClaim } from '../model/unique-key.ts'
import { asUnavailable, type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { AddingQueue } from './adding-queue.ts'
import { BatchingBackend } from './batching-backend.ts'
import { type JobExtras, withExtras } from './job-extras.ts'
import { jobOptions } from './job-options.ts'

/** The queues of BullMQ to which this process adds jobs. */
export class BullQueues {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #isListed: boolean
  readonly #listedBy: 'ulid' | 'id'
  readonly #isShared: () => boolean
  readonly #queues = new Map<string, AddingQueue>()
  #connection: RedisConnection | undefined

  /**
   * @param deps `isListed`: the jobs can be found by their tenant. `listedBy: 'id'`: their ids have no ULID. `isShared`: whether there are tenants
   * that take turns
   */
  constructor(deps: {
    redis: Redis
    keys: Keys
    isListed: boolean
    listedBy?: 'ulid' | 'id' | undefined
    isShared?: (() => boolean) | undefined
  }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#isListed = deps.isListed
    this.#listedBy = deps.listedBy ?? 'ulid'
    this.#isShared = deps.isShared ?? (() => false)
  }

  /**
   * Adds a job, unless one of its id is there, with its places in our lists. When this resolves, it is in Redis. What is added in one turn of the
   * event loop goes to Redis in few calls.
   *
   * @returns its record, the size of a large input as JSON, and what became of the job where another one has its key
   * @throws QueueUnavailableError; the job may have been added all the same. JobRefusedError
   */
  async add(job: NewJob): Promise<Pick<JobExtras, 'record' | 'inputBytes' | 'deduplicated'>> {
    const { name, data, opts, extras } = this.#bullJob(job)
    try {
      await this.#queue(job.ref.queue).add(name, data, opts)
    } catch (error) {
      throw asUnavailable(error)
    }
    if (extras.refusal) throw new JobRefusedError(extras.refusal)
    return extras
  }

  /** … many jobs of one queue. @returns the sizes of large inputs, in order */
  async addBulk(queue: string, jobs: NewJob[]): Promise<(number | undefined)[]> {
    const bullJobs = jobs.map((job) => this.#bullJob(job))
    await whenAvailable(this.#queue(queue).addBulk(bullJobs))
    return bullJobs.map(({ extras }) => extras.inputBytes)
  }

  #bullJob(job: NewJob) {
    const { ref, type, attempts, createdAt, flow } = job
    const record = recordOf(job)
    const dueAt = dueAtOf(job) ?? createdAt
    // The limits of a blocked job count from its release.
    const limits = flow?.isBlocked ? undefined : timeLimits(record)
    const extras: JobExtras = {
      record,
      startBy: limits?.startBy,
      deadlineAt: limits?.deadlineAt,
      isBlocked: flow?.isBlocked,
      fields: this.#fieldsOf(job),
    }
    if (this.#isListed && this.#listedBy === 'ulid') this.#list(extras, job)
    else if (this.#isListed) this.#listById(extras, job)
    if (this.#isShared()) extras.isShared = true
    // A job of a flow is never refused: its flow has been accepted.
    if (!flow && (record.concurrency || record.rate)) extras.onFull = record.concurrency?.onFull ?? 'wait'
    if (record.webhook) extras.webhookAt = dueAt
    if (record.unique)
      extras.unique = `${record.unique.onConflict} ${uniqueClaim(record.tenant, record.unique, createdAt)}`
    if (record.debounce) extras.debounce = `${debounceClaim(record.tenant, record.debounce)} ${record.debounce.maxMs}`
    if (record.keepMs !== undefined) extras.keepUntil = dueAt + record.keepMs
    const options = jobOptions({
      id: ref.id,
      attempts,
      priority: record.priority,
      createdAt,
      delayMs: dueAt - createdAt,
    })
    if (job.inputText) extras.inputText = job.inputText
    const data = job.inputText ? { ...record, input: null } : record
    return { name: type, data, opts: withExtras(options, extras), extras }
  }

  #list(extras: JobExtras, { ref, record }: NewJob): void {
    const ulid = ulidOf(ref.id)
    extras.indexEntry = indexEntry(record.tenant, ulid)
    const labels = labelsOf(record)
    // They are removed with the job, whose record scripts do not parse.
    const entries = labels.map((label) => labelEntry(record.tenant, label, ulid))
    if (entries.length > 0) extras.fields = { ...extras.fields, labels: entries.join('\n') }
  }

  /** The job names its entry, from which it does not follow. */
  #listById(extras: JobExtras, { ref: { queue, id }, record, createdAt }: NewJob): void {
    const entry = indexEntryOf({ queue, id, bullId: id }, record.tenant, createdAt)
    extras.indexEntry = entry
    extras.fields = { ...extras.fields, indexEntry: entry }
  }

  /** The fields of its hash that BullMQ does not know. */
  #fieldsOf({ replyChannel, flow, record }: NewJob): Record<string, string | number> {
    return {
      ...(record.keepMs !== undefined && { keepMs: record.keepMs }),
      ...(replyChannel !== undefined && { waiter: replyChannel }),
      ...schedulingHash(record),
      ...(flow && { flow: flow.id, flowHints: this.#keys.flowHints, flowRun: flow.run }),
      ...(flow?.isBlocked && { blocked: 1 }),
      ...(flow?.next !== undefined && { next: flow.next }),
    }
  }

  #queue(name: string): AddingQueue {
    const known = this.#queues.get(name)
    if (known) return known
    this.#connection ??= this.#openConnection()
    const options = { redis: this.#redis, connection: this.#connection, hints: this.#keys.flowHints }
    // Its meta is written by the queue's workers.
    const queue = new AddingQueue(
      name,
      { connection: this.#redis, prefix: this.#keys.bullPrefix(name), skipMetasUpdate: true },
      (_, opts) => new BatchingBackend(name, opts, options),
    )
    this.#queues.set(name, queue)
    return queue
  }

  /** BullMQ's view of the process's connection: it sends nothing by itself. */
  #openConnection(): RedisConnection {
    const connection = new RedisConnection(this.#redis, { shared: true, blocking: false, skipVersionCheck: true })
    // The owner of the connection logs its errors; without a listener BullMQ would throw them into it.
    connection.on('error', () => undefined)
    return connection
  }
}
