import type { JobRef } from '../model/job-id.ts'
import type { QueueBackpressure } from './queue-backpressure.ts'
import type { TenantQuotas } from './tenant-quotas.ts'

/** What a job takes in Redis beside its input, in its hash and the lists of its queue: about 1,100 bytes, with some to spare. */
const jobBytes = 1500

/** Why jobs may not become waiting now: a queue is deep, Redis is low on memory, or the tenant has as many waiting jobs as it may. */
export type Refusal = { reason: 'depth'; queue: string } | { reason: 'memory' } | { reason: 'quota'; limit: number }

/** Jobs that are about to become waiting. */
export interface Entrants {
  tenant: string
  /** How many waiting jobs the tenant may have; undefined: as many as it likes. */
  limit: number | undefined
  refs: JobRef[]
  /** About how many bytes their inputs add to Redis, all together. */
  bytes: number
}

/**
 * The one door through which jobs become waiting: submitted ones, those of flows and of their maps, those that are retried, and those of
 * schedules. Only jobs that come back to their queue (after a crash, a backoff, a shutdown) pass it by.
 */
export class Admission {
  readonly #backpressure: QueueBackpressure
  readonly #quotas: TenantQuotas

  constructor(deps: { backpressure: QueueBackpressure; quotas: TenantQuotas }) {
    this.#backpressure = deps.backpressure
    this.#quotas = deps.quotas
  }

  /** Admits jobs, all or none, and takes their places in the quota. @returns why not. @throws QueueUnavailableError */
  async admit({ tenant, limit, refs, bytes }: Entrants): Promise<Refusal | undefined> {
    let unaccounted = bytes
    for (const [queue, some] of Map.groupBy(refs, (ref) => ref.queue)) {
      const fullness = await this.#backpressure.enter(queue, some.length, some.length * jobBytes + unaccounted)
      if (fullness === 'memory') return { reason: 'memory' }
      if (fullness === 'depth') return { reason: 'depth', queue }
      unaccounted = 0
    }
    if (limit === undefined) return undefined
    const ids = refs.map(({ id }) => id)
    return (await this.#quotas.reserve(tenant, ids, limit)) ? undefined : { reason: 'quota', limit }
  }

  /** Gives back the places of jobs that were admitted and not stored. @throws QueueUnavailableError */
  async withdraw({ tenant, limit, refs }: Omit<Entrants, 'bytes'>): Promise<void> {
    if (limit === undefined) return
    await this.#quotas.leaveUnlessWaiting(
      tenant,
      refs.map(({ id }) => id),
    )
  }
}

/** Why jobs were refused, for clients. */
export function describeRefusal(refusal: Refusal): string {
  if (refusal.reason === 'depth') return `The queue ${refusal.queue} has reached its limit of waiting jobs.`
  if (refusal.reason === 'memory') return 'Redis is low on memory.'
  return `Your tenant is limited to ${refusal.limit} waiting jobs.`
}
