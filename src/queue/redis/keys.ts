import type { JobRef } from '../model/job-id.ts'

/** What goes over a job's channel beside events: its state has changed, and that it may have ended. Watchers then read the job. */
export const announcedChange = 'changed'
export const announcedEnd = 'ended'

/**
 * Every Redis key and channel that Drover uses, in one place. The queue's name stands in braces (a Redis Cluster hash tag),
 * so that all keys of a queue share a slot and one script may touch them. Below `bull.prefix` BullMQ names the keys.
 */
export class Keys {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** What BullMQ calls the prefix: its keys are `<prefix>:<queue>:<suffix>`. */
  bullPrefix(queue: string): string {
    return `${this.#prefix}:{${queue}}`
  }

  /** One of BullMQ's keys of a queue: `wait`, `active`, `prioritized`, `delayed`, `completed`, `failed`, `meta`, … */
  bull(queue: string, suffix: string): string {
    return `${this.bullPrefix(queue)}:${queue}:${suffix}`
  }

  job({ queue, id }: JobRef): string {
    return this.bull(queue, id)
  }

  /** Holds the token of the worker that runs the job. complete-and-fetch.lua sets it, and deletes it with a success; BullMQ renews it, and deletes it otherwise. */
  lock(ref: JobRef): string {
    return `${this.job(ref)}:lock`
  }

  /** The stream of a job's progress, output and log events. */
  events(ref: JobRef): string {
    return `${this.job(ref)}:events`
  }

  /** Hash of the pieces of an output that is too large for the job's own. */
  output(ref: JobRef): string {
    return `${this.job(ref)}:output`
  }

  /** Sorted set of when waiting jobs run out of time. */
  timeLimits(queue: string): string {
    return `${this.bullPrefix(queue)}:time-limits`
  }

  /** Sorted set of all jobs of the queue, by tenant and by when they were created: see job-index.ts. */
  index(queue: string): string {
    return `${this.bullPrefix(queue)}:index`
  }

  /** Sorted set of the jobs whose webhook is not made yet, by when to look whether they have ended. */
  webhookDebts(queue: string): string {
    return `${this.bullPrefix(queue)}:webhook-debts`
  }

  /** Held by the process that sweeps the queue. */
  sweepLease(queue: string): string {
    return `${this.bullPrefix(queue)}:sweep-lease`
  }

  /** Sorted set of the queue's workers, by when they last said that they are there. */
  workers(queue: string): string {
    return `${this.bullPrefix(queue)}:workers`
  }

  /** The channel on which the queue's workers hear the ids of running jobs that are cancelled. */
  cancels(queue: string): string {
    return `${this.bullPrefix(queue)}:cancels`
  }

  /** A schedule. All schedules share a slot, which is no queue's: queues' names begin with a letter. */
  schedule(tenant: string, id: string): string {
    return `${this.schedulePrefix}${tenant}:${id}`
  }

  /** What stands before tenant and id in the key of a schedule. */
  get schedulePrefix(): string {
    return `${this.#prefix}:{_schedules}:schedule:`
  }

  /** Sorted set of the schedules that have a next run, `<tenant>:<id>` by when to look at them. */
  get dueSchedules(): string {
    return `${this.#prefix}:{_schedules}:due`
  }

  /** Sorted set of a tenant's schedules, by id. */
  schedulesOf(tenant: string): string {
    return `${this.#prefix}:{_schedules}:of:${tenant}`
  }

  /** What an idempotency key stands for. In no queue's slot: a key is one over all queues. */
  claim(digest: string): string {
    return `${this.#prefix}:claim:${digest}`
  }

  /** How many requests a tenant has made in this minute. In no queue's slot, as {@link waiting}. */
  requests(tenant: string): string {
    return `${this.#prefix}:tenant:${tenant}:requests`
  }

  /** Sorted set of a tenant's jobs that count as waiting, by when that was last looked at. */
  waiting(tenant: string): string {
    return `${this.#prefix}:tenant:${tenant}:waiting`
  }

  /** The channel on which a job's events and changes are announced to whoever watches it. */
  channel(ref: JobRef): string {
    return this.job(ref)
  }

  /** The channel on which an API process hears how the jobs end that its clients wait for: `<id> <what their own channels say>`. */
  waiter(name: string): string {
    return `${this.#prefix}:waiter:${name}`
  }

  /** A flow's document, and the channel on which its changes are announced. All that belongs to it shares its slot. */
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

  /** Hash: what the maps of a flow became. */
  flowExpansions(id: string): string {
    return `${this.flow(id)}:expansions`
  }

  /** Sorted set of the flows that go on, each with its run, by when they began. */
  get openFlows(): string {
    return `${this.#prefix}:{flows}:open`
  }

  /** Sorted set of the flows that have ended, by when. */
  get endedFlows(): string {
    return `${this.#prefix}:{flows}:ended`
  }

  /** Held by the process that brings flows on. */
  get flowLease(): string {
    return `${this.#prefix}:{flows}:lease`
  }

  /** The channel on which that process hears of jobs that may have ended: `<flow> <job>`, or `<flow>` to look at it anew. */
  get flowHints(): string {
    return `${this.#prefix}:{flows}:hints`
  }
}
