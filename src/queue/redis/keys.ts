import { createHash } from 'node:crypto'
import { bullIdOf, type JobRef } from '../model/job-id.ts'

/** Messages on a job's channel beside events: its state has changed, or it may have ended. Watchers then read the job. */
export const announcedChange = 'changed'
export const announcedEnd = 'ended'

/**
 * The names of all Redis keys and channels. The name of a queue is in braces (a Redis Cluster hash tag), so that all its keys are in
 * one slot and one script may use them. Below {@link bullPrefix} BullMQ names the keys.
 */
export class Keys {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** The `prefix` option of BullMQ, whose keys are `<prefix>:<queue>:<suffix>`. */
  bullPrefix(queue: string): string {
    return `${this.#prefix}:{${queue}}`
  }

  /** One of BullMQ's keys of a queue: `wait`, `active`, `prioritized`, `delayed`, `completed`, `failed`, `meta`, … */
  bull(queue: string, suffix: string): string {
    return `${this.bullPrefix(queue)}:${queue}:${suffix}`
  }

  job(ref: JobRef): string {
    return this.bull(ref.queue, bullIdOf(ref))
  }

  /** Holds the token of the worker that runs the job. complete-and-fetch.lua sets it, and deletes it with a success; BullMQ renews it, and deletes it otherwise. */
  lock(ref: JobRef): string {
    return `${this.job(ref)}:lock`
  }

  /** The stream of a job's progress and log events. */
  events(ref: JobRef): string {
    return `${this.job(ref)}:events`
  }

  /** The stream of the values that a job's handler has yielded. */
  values(ref: JobRef): string {
    return `${this.job(ref)}:values`
  }

  /** Hash of what a running job keeps for its next start: see checkpoint.lua. */
  checkpoint(ref: JobRef): string {
    return `${this.job(ref)}:checkpoint`
  }

  /** Hash of the pieces of an output that is too large for the job's own. */
  output(ref: JobRef): string {
    return `${this.job(ref)}:output`
  }

  /** Sorted set of the time limits of jobs. */
  timeLimits(queue: string): string {
    return `${this.bullPrefix(queue)}:time-limits`
  }

  /** Sorted set of all jobs of the queue, by tenant and time of creation: see job-index.ts. */
  index(queue: string): string {
    return `${this.bullPrefix(queue)}:index`
  }

  /** Sorted set of the jobs that have labels, by tenant, label and time of creation: see job-label.ts. */
  labels(queue: string): string {
    return `${this.bullPrefix(queue)}:labels`
  }

  /** The ULID below which jobs of the queue may lack labels, since a version without them stored them. */
  labeledSince(queue: string): string {
    return `${this.bullPrefix(queue)}:labeled-since`
  }

  /** Sorted set of the jobs whose webhook delivery is not stored yet, by when to check whether they have ended. */
  webhookDebts(queue: string): string {
    return `${this.bullPrefix(queue)}:webhook-debts`
  }

  /** Hash: when each fingerprint of a tenant's failures was first seen, and how often. */
  failures(queue: string, tenant: string): string {
    return `${this.bullPrefix(queue)}:failures:${tenant}`
  }

  /** Sorted set of these fingerprints, by when they were last seen. */
  failuresSeen(queue: string, tenant: string): string {
    return `${this.bullPrefix(queue)}:failures-seen:${tenant}`
  }

  /** Sorted set of the jobs that are kept for a shorter time than others, by when to look at them: see retention.lua. */
  retention(queue: string): string {
    return `${this.bullPrefix(queue)}:retention`
  }

  /** Sorted set of the jobs that are held by a gate: see slots.lua. */
  heldAt(queue: string, gate: string): string {
    return `${this.bullPrefix(queue)}:held:${gate}`
  }

  /** Hash of how many jobs each limit counts: see slots.lua. */
  busy(queue: string): string {
    return `${this.bullPrefix(queue)}:busy`
  }

  /** Hash: when the next job of each rate is due. Scripts derive its name: see slots.lua. */
  rates(queue: string): string {
    return `${this.bullPrefix(queue)}:tat`
  }

  /** Hash of the limits of gates that were set from outside. */
  pins(queue: string): string {
    return `${this.bullPrefix(queue)}:pins`
  }

  /** Sorted set of the jobs of the queue that were evicted lately, `<id>:<tenant>`. */
  evicted(queue: string): string {
    return `${this.bullPrefix(queue)}:evicted`
  }

  /** Hash: which jobs hold the unique keys of the queue. Scripts derive its name: see claims.lua. */
  claims(queue: string): string {
    return `${this.bullPrefix(queue)}:claims`
  }

  /** Held by the process that sweeps these queues: one of those that know the same. In no queue's slot. */
  sweepLease(queues: readonly string[]): string {
    const names = queues.toSorted().join(' ')
    return `${this.#prefix}:sweep-lease:${createHash('sha1').update(names).digest('base64url')}`
  }

  /** Held by the process that looks for jobs of the queue whose worker has vanished. */
  stalledLooker(queue: string): string {
    return `${this.bullPrefix(queue)}:stalled-looker`
  }

  /** Sorted set that a process fills to end its own blocking call. In no queue's slot: not used in a cluster. */
  wake(name: string): string {
    return `${this.#prefix}:wake:${name}`
  }

  /** Sorted set of the queue's workers, by their last heartbeat. */
  workers(queue: string): string {
    return `${this.bullPrefix(queue)}:workers`
  }

  /** Sorted set of the jobs that were left to workers that know their type, by since when they could start. */
  unknownJobs(queue: string): string {
    return `${this.bullPrefix(queue)}:unknown`
  }

  /** The channel on which cancels of running jobs are published for the queue's workers. */
  cancels(queue: string): string {
    return `${this.bullPrefix(queue)}:cancels`
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

  /** The channel on which a job's events and changes are announced. */
  channel(ref: JobRef): string {
    return this.job(ref)
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

  /** Held by the flow coordinator. */
  get flowLease(): string {
    return `${this.#prefix}:{flows}:lease`
  }

  /** The channel of hints for the flow coordinator: `<flow> <job>` for a job that may have ended, `<flow>` for a flow that has changed. */
  get flowHints(): string {
    return `${this.#prefix}:{flows}:hints`
  }
}
