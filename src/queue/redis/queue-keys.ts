import { bullIdOf, type JobRef } from '../model/job-id.ts'

/**
 * The names of the keys and channels of a queue and its jobs. The name of the queue is in braces (a Redis Cluster hash tag), so that all its
 * keys are in one slot and one script may use them. Below {@link bullPrefix} BullMQ names the keys.
 */
export class QueueKeys {
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

  /** Hash of what a job keeps for its next start, or has kept when it failed: see checkpoint.lua. */
  checkpoint(ref: JobRef): string {
    return `${this.job(ref)}:checkpoint`
  }

  /** Hash: the jobs that the handler of a job has submitted, by run and order of the calls: see children/lua/register-children.lua. */
  children(ref: JobRef): string {
    return `${this.job(ref)}:children`
  }

  /** Set of those that it waits for. */
  awaitedChildren(ref: JobRef): string {
    return `${this.job(ref)}:awaits`
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

  /** Sorted set of the parked jobs, by when their first timeout is over, or infinity. Scripts derive its name: see park.lua. */
  parked(queue: string): string {
    return `${this.bullPrefix(queue)}:parked`
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

  /** Held by the process that looks for jobs of the queue whose worker has vanished. */
  stalledLooker(queue: string): string {
    return `${this.bullPrefix(queue)}:stalled-looker`
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

  /** The channel on which a job's events and changes are announced. */
  channel(ref: JobRef): string {
    return this.job(ref)
  }
}
