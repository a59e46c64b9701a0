import { createHash } from 'node:crypto'
import { QueueKeys } from './queue-keys.ts'

/** Messages on a job's channel beside events: its state has changed, or it may have ended. Watchers then read the job. */
export const announcedChange = 'changed'
export const announcedEnd = 'ended'

/** The names of all Redis keys and channels: those of a queue, and those that are in no queue's slot. */
export class Keys extends QueueKeys {
  readonly #prefix: string

  constructor(prefix: string) {
    super(prefix)
    this.#prefix = prefix
  }

  /** Held by the process that sweeps these queues: one of those that know the same. In no queue's slot. */
  sweepLease(queues: readonly string[]): string {
    const names = queues.toSorted().join(' ')
    return `${this.#prefix}:sweep-lease:${createHash('sha1').update(names).digest('base64url')}`
  }

  /** Sorted set that a process fills to end its own blocking call. In no queue's slot: not used in a cluster. */
  wake(name: string): string {
    return `${this.#prefix}:wake:${name}`
  }

  /** A schedule. All schedules share a slot of their own: the names of queues begin with a letter. */
  schedule(tenant: string, id: string): string {
    return `${this.schedulePrefix}${tenant}:${id}`
  }

  /** The key of a schedule up to its tenant and id. */
  get schedulePrefix(): string {
    return `${this.#prefix}:{_schedules}:schedule:`
  }

  /** Sorted set of the schedules that have a next tick, `<tenant>:<id>` by when to check them. */
  get dueSchedules(): string {
    return `${this.#prefix}:{_schedules}:due`
  }

  /** Sorted set of a tenant's schedules, by id. */
  schedulesOf(tenant: string): string {
    return `${this.#prefix}:{_schedules}:of:${tenant}`
  }

  /** The claim of an idempotency key. In no queue's slot: a key is unique across queues. */
  claim(digest: string): string {
    return `${this.#prefix}:claim:${digest}`
  }

  /** Counter of a tenant's requests in this minute. In no queue's slot, as {@link waiting}. */
  requests(tenant: string): string {
    return `${this.#prefix}:tenant:${tenant}:requests`
  }

  /** Counter of the webhooks that a tenant sent again in this minute. */
  resends(tenant: string): string {
    return `${this.#prefix}:tenant:${tenant}:resends`
  }

  /** Sorted set of a tenant's jobs that count as waiting, by when that was last checked. */
  waiting(tenant: string): string {
    return `${this.#prefix}:tenant:${tenant}:waiting`
  }

  /** Hash: how many waiting jobs each tenant with a limit may have. */
  get tenantLimits(): string {
    return `${this.#prefix}:max-queued`
  }

  /** Hash: how many bytes each tenant with a limit may store. */
  get tenantByteLimits(): string {
    return `${this.#prefix}:max-bytes`
  }

  /** Held by the process that recounts the waiting jobs of tenants. */
  get recountLease(): string {
    return `${this.#prefix}:recount-lease`
  }

  /** Held by the process that evicts ended jobs. */
  get evictionLease(): string {
    return `${this.#prefix}:eviction-lease`
  }

  /** Hash: what all processes counted in a minute (of the epoch). The minutes share a slot of their own. */
  statsOf(minute: number): string {
    return `${this.#prefix}:{_stats}:${minute}`
  }

  /** Stream: what clients changed. */
  get audit(): string {
    return `${this.#prefix}:{_audit}:log`
  }

  /** An operation over many jobs. All operations share a slot. */
  operation(id: string): string {
    return `${this.#prefix}:{_operations}:${id}`
  }

  /** List of the jobs that an operation is about, each with its run. */
  operationItems(id: string): string {
    return `${this.operation(id)}:items`
  }

  /** Sorted set of the operations that have not ended, by when they were made. */
  get openOperations(): string {
    return `${this.#prefix}:{_operations}:open`
  }

  /** Set of a tenant's operations that have not ended. */
  openOperationsOf(tenant: string): string {
    return `${this.#prefix}:{_operations}:open-of:${tenant}`
  }

  /** Sorted set of a tenant's operations, by when they were made. */
  operationsOf(tenant: string): string {
    return `${this.#prefix}:{_operations}:of:${tenant}`
  }

  /** What a worker process last reported of itself. All reports share a slot. */
  workerReport(worker: string): string {
    return `${this.#prefix}:{_workers}:report:${worker}`
  }

  /** Sorted set of the workers that have a report, by when they wrote it. */
  get reportingWorkers(): string {
    return `${this.#prefix}:{_workers}:reporting`
  }

  /** Exists while a worker is to take no more jobs. */
  workerDrain(worker: string): string {
    return `${this.#prefix}:{_workers}:drain:${worker}`
  }

  /** The channel on which the names of workers are published that are to take no more jobs. */
  get workerDrains(): string {
    return `${this.#prefix}:{_workers}:drains`
  }

  /** The channel on which an API process gets the ends of jobs that its clients wait for: `<id> <message as on the job's channel>`. */
  replyChannel(name: string): string {
    return `${this.#prefix}:waiter:${name}`
  }

  /** The document of a flow, and the channel on which its changes are announced. All keys of a flow share its slot. */
  flow(id: string): string {
    return `${this.#prefix}:{flow:${id}}`
  }

  /** Hash: which nodes of a flow have ended, and how. */
  flowEnds(id: string): string {
    return `${this.flow(id)}:ends`
  }

  /** List of the nodes of a flow that have ended, in that order. */
  flowOrder(id: string): string {
    return `${this.flow(id)}:order`
  }

  /** Hash: the expansions of a flow's maps. */
  flowExpansions(id: string): string {
    return `${this.flow(id)}:expansions`
  }

  /** Sorted set of the open flows, each with its run, by when it began. */
  get openFlows(): string {
    return `${this.#prefix}:{flows}:open`
  }

  /** Sorted set of the ended flows, by when they ended. */
  get endedFlows(): string {
    return `${this.#prefix}:{flows}:ended`
  }

  /** Sorted set of the flows that were evicted lately, `<id>:<tenant>`. */
  get evictedFlows(): string {
    return `${this.#prefix}:{flows}:evicted`
  }

  /** Sorted set of all flows, by tenant and time of creation: see flow-index.ts. */
  get flowIndex(): string {
    return `${this.#prefix}:{flows}:index`
  }

  /** Sorted set of the flows that have labels, by tenant, label and time of creation. */
  get flowLabels(): string {
    return `${this.#prefix}:{flows}:labels`
  }

  /** Sorted set of the jobs that have submitted others and may be open, by when the first was about to be stored. */
  get openParents(): string {
    return `${this.#prefix}:{flows}:parents`
  }

  /** Held by the flow coordinator. */
  get flowLease(): string {
    return `${this.#prefix}:{flows}:lease`
  }

  /** The channel of hints for the flow coordinator: `<flow> <job>` for a job that may have ended, `<flow>` for a flow that has changed. */
  get flowHints(): string {
    return `${this.#prefix}:{flows}:hints`
  }
}
