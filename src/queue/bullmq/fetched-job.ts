import { Job, type JobJson, type Worker } from 'bullmq'
import { addStart } from '../model/job-history.ts'
import type { JobRef } from '../model/job-id.ts'
import { type JobLease, UnprotectedLease } from '../model/job-lease.ts'
import { ownerOf } from '../model/job-record.ts'
import { parseJson } from '../model/parse-json.ts'
import { isDroverJob } from './job-options.ts'

type Read = 'id' | 'name' | 'data' | 'opts' | 'timestamp' | 'attemptsMade' | 'attemptsStarted' | 'stalledCounter'
type MayBeRead = 'deferredFailure' | 'stacktrace' | 'repeatJobKey' | 'deduplicationId' | 'parentKey' | 'parent'

/** What is read of a job when it is fetched. */
export type FetchedJson = Pick<JobJson, Read> & { [K in MayBeRead]?: JobJson[K] | undefined } & {
  replyChannel?: string | undefined
  /** The worker of its last start, which was lost. */
  lostWorker?: string | undefined
  run?: number | undefined
  /** What earlier starts of the run have kept: see decodeKept. */
  kept?: readonly string[] | undefined
  /** Epoch ms: as its start is stored. */
  processedOn?: number
  lockToken: string
  /** Epoch ms at which Redis's answer was read. */
  fetchedAt: number
  /** See {@link FetchedJob.lease}. */
  heldSince: number
}

/** A job that a worker has fetched, as it was then. */
export class FetchedJob extends Job {
  /** How many characters its data has. */
  readonly dataLength: number
  /** Epoch ms at which Redis's answer was read. */
  readonly fetchedAt: number
  /** It is to fail with this, unrun. Not `deferredFailure`: BullMQ's Worker would fail it without a word to us. */
  readonly failsWith: string | undefined
  /** The channel of the API process that waits for its end. */
  readonly replyChannel: string | undefined
  /** The worker of its last start, where that was lost. */
  readonly lostWorker: string | undefined
  /** The number of its run. */
  readonly run: number
  /** What earlier starts of the run have kept: see decodeKept. */
  readonly kept: readonly string[] | undefined
  /** What its lock holds. Another with each fetch, where BullMQ's `token` stays with a place of the worker: so it fences attempts, too. */
  readonly lockToken: string
  /** The hold on its lock, which counts from when Redis's answer was read. */
  lease: JobLease
  /** It ends without having been started here. */
  isUnrun = false
  /** Its place in the worker is free again. */
  hasLeft = false

  constructor(worker: Worker, json: FetchedJson, id: string) {
    super(worker, json.name, parseJson(json.data), json.opts, id)
    this.dataLength = json.data.length
    this.fetchedAt = json.fetchedAt
    this.failsWith = json.deferredFailure
    this.replyChannel = json.replyChannel
    this.lostWorker = json.lostWorker
    this.run = json.run ?? 1
    this.kept = json.kept
    this.lockToken = json.lockToken
    this.lease = new UnprotectedLease(json.heldSince)
    this.timestamp = json.timestamp
    this.attemptsMade = json.attemptsMade
    this.attemptsStarted = json.attemptsStarted
    this.stalledCounter = json.stalledCounter
    this.processedOn = json.processedOn ?? this.fetchedAt
    if (json.repeatJobKey !== undefined) this.repeatJobKey = json.repeatJobKey
    if (json.deduplicationId !== undefined) this.deduplicationId = json.deduplicationId
    if (json.parentKey !== undefined) this.parentKey = json.parentKey
    if (json.parent !== undefined) this.parent = json.parent
    const traces = json.stacktrace === undefined ? [] : parseJson(json.stacktrace)
    this.stacktrace = Array.isArray(traces) ? traces : []
  }

  /** Whether Drover added it; else a plain BullMQ producer has. */
  get isOurs(): boolean {
    return isDroverJob(this.opts)
  }

  /** As clients and the rest of Drover name it. */
  get ref(): JobRef {
    const { id = '', queueName: queue } = this
    return this.isOurs ? { queue, id } : { queue, id: `${queue}_${id}`, bullId: id }
  }

  /** The number of the attempt for which it was fetched. */
  get attempt(): number {
    return this.attemptsMade + 1
  }

  /** The flow that it belongs to, or the job that has submitted it. */
  get owner(): string | undefined {
    return this.isOurs ? ownerOf(this.data) : undefined
  }

  /** Keeps the first and the last starts; BullMQ keeps the last. */
  protected override updateStacktrace({ stack }: Error): void {
    if (stack !== undefined) this.stacktrace = addStart(this.stacktrace ?? [], stack)
  }
}

/** What became of a success: it counts; the job had ended before; the job is not this worker's any more; Redis did not say. */
export type Acknowledged = 'ended' | 'over' | 'lost' | 'unknown'

/** What a processor returns for a job that has succeeded. */
export class Success {
  /** JSON. */
  readonly output: string
  /** Called with Redis's word. */
  readonly acknowledge: (word: Acknowledged, error?: unknown) => void
  /** The next step of its chain, with the record that it gets: it is released with the end. */
  readonly nextStep: { id: string; data: string } | undefined

  constructor(output: string, acknowledge: Success['acknowledge'], nextStep?: Success['nextStep']) {
    this.output = output
    this.acknowledge = acknowledge
    this.nextStep = nextStep
  }
}
