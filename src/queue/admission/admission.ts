import type { JobRef } from '../model/job-id.ts'
import type { Entry, Fullness, QueueBackpressure } from './queue-backpressure.ts'
import type { TenantQuotas } from './tenant-quotas.ts'

/** What a job takes in Redis beside its input, in its hash and the lists of its queue; as job-bytes.lua counts it. */
export const jobBytes = 1200

/** What fills Redis, and when there can be room again. */
interface Fill {
  detail: string
  retryAfterS: number
}

/** Makes room in Redis before work is refused: see maintenance/evictor.ts. Its methods throw QueueUnavailableError. */
export interface Relief {
  /** @returns false when there is no room for so many bytes, and none can be made */
  makeRoom(bytes: number): Promise<boolean>
  /** Takes so many bytes of what a tenant may store. @returns false when there is no room for them, and none can be made */
  takeOfTenant(tenant: string, max: number, bytes: number): Promise<boolean>
  /** How many more bytes a tenant may take before results give way. */
  roomOfTenant(tenant: string, max: number): Promise<number>
  /** Whether nothing of a tenant gives way by itself, after it has found no room for so long: none of its jobs waits in a queue or runs. */
  isStuck(tenant: string, waitedMs: number): boolean
  /** Gives back what was taken so and is not stored. */
  giveBackOfTenant(tenant: string, bytes: number): void
  describe(): Promise<Fill>
}

/** Why jobs may not become waiting now: a queue is deep, Redis is low on memory, or the tenant has as many waiting jobs as it may. */
export type Refusal =
  | { reason: 'depth'; queue: string }
  | ({ reason: 'memory' } & Fill)
  | { reason: 'quota'; limit: number; of: 'jobs' | 'bytes' }

/** Jobs that are about to become waiting. */
export interface Entrants {
  tenant: string
  /** How many waiting jobs the tenant may have; undefined: as many as it likes. */
  limit: number | undefined
  refs: JobRef[]
  /** How many bytes the tenant may store; undefined: as many as it likes. */
  maxBytes?: number | undefined
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
  readonly #relief: Relief

  constructor(deps: { backpressure: QueueBackpressure; quotas: TenantQuotas; relief: Relief }) {
    this.#backpressure = deps.backpressure
    this.#quotas = deps.quotas
    this.#relief = deps.relief
  }

  /**
   * Admits jobs, all or none, and takes their places in the quota. Most are admitted at once, without a promise.
   *
   * @returns why not. @throws QueueUnavailableError
   */
  admit(entrants: Entrants): Promise<Refusal | undefined> | undefined {
    const { limit, maxBytes, refs, bytes } = entrants
    const [ref] = refs
    const isSimple = ref !== undefined && refs.length === 1 && limit === undefined && maxBytes === undefined
    if (isSimple && this.#backpressure.enterAtOnce({ queue: ref.queue, count: 1, bytes: jobBytes + bytes }))
      return undefined
    return this.#admitAll(entrants)
  }

  async #admitAll({ tenant, limit, maxBytes, refs, bytes }: Entrants): Promise<Refusal | undefined> {
    const entered: Entry[] = []
    let refusal =
      (await this.#enterQueues(refs, bytes, entered)) ??
      (limit === undefined ? undefined : await this.#reserve(tenant, limit, refs))
    if (!refusal && maxBytes !== undefined) {
      // At last: results give way for it.
      refusal = await this.#takeBytes(tenant, maxBytes, bytes + refs.length * jobBytes)
      if (refusal) await this.withdraw({ tenant, limit, refs, bytes })
    }
    if (refusal) for (const entry of entered) this.#backpressure.undo(entry)
    return refusal
  }

  async #enterQueues(refs: JobRef[], bytes: number, entered: Entry[]): Promise<Refusal | undefined> {
    for (const [queue, count] of countByQueue(refs)) {
      const entry = { queue, count, bytes: count * jobBytes + (entered.length === 0 ? bytes : 0) }
      const entering = this.#backpressure.enter(entry)
      // Most are admitted at once.
      const first = entering instanceof Promise ? await entering : entering
      const fullness = first === 'memory' ? await this.#enterWithRelief(entry) : first
      if (fullness === 'memory') return { reason: 'memory', ...(await this.#relief.describe()) }
      if (fullness === 'depth') return { reason: 'depth', queue }
      entered.push(entry)
    }
    return undefined
  }

  /** Where Redis is low on memory, results give way. */
  async #enterWithRelief(entry: Entry): Promise<Fullness | undefined> {
    return (await this.#relief.makeRoom(entry.bytes)) ? this.#backpressure.enter(entry) : 'memory'
  }

  async #takeBytes(tenant: string, limit: number, bytes: number): Promise<Refusal | undefined> {
    return (await this.#relief.takeOfTenant(tenant, limit, bytes)) ? undefined : { reason: 'quota', limit, of: 'bytes' }
  }

  async #reserve(tenant: string, limit: number, refs: JobRef[]): Promise<Refusal | undefined> {
    const ids = refs.map(({ id }) => id)
    return (await this.#quotas.reserve(tenant, ids, limit)) ? undefined : { reason: 'quota', limit, of: 'jobs' }
  }

  /**
   * Admits the first of several groups of jobs: all, or as many as there is room for.
   *
   * @param entrants `bytes` of all groups together
   * @returns how many groups, and why not all. @throws QueueUnavailableError
   */
  async admitSome({
    groups,
    bytes,
    ...who
  }: Omit<Entrants, 'refs'> & { groups: JobRef[][] }): Promise<{ count: number; refusal: Refusal | undefined }> {
    const admitFirst = (count: number) =>
      this.admit({ ...who, refs: groups.slice(0, count).flat(), bytes: (bytes * count) / groups.length })
    if (groups.length === 0) return { count: 0, refusal: undefined }
    const refusal = await admitFirst(groups.length)
    if (!refusal) return { count: groups.length, refusal: undefined }
    const count = Math.min(groups.length - 1, await this.#roomFor(who, groups[0] ?? [], bytes / groups.length, refusal))
    if (count < 1 || (await admitFirst(count))) return { count: 0, refusal }
    return { count, refusal }
  }

  /** For how many groups like this one there is room, by the limit that refused more. Low memory leaves room for none. */
  async #roomFor(
    { tenant, limit, maxBytes }: Pick<Entrants, 'tenant' | 'limit' | 'maxBytes'>,
    group: JobRef[],
    bytes: number,
    refusal: Refusal,
  ): Promise<number> {
    if (refusal.reason === 'memory' || group.length === 0) return 0
    const queues = [...Map.groupBy(group, (ref) => ref.queue)]
    const inQueues = queues.map(([queue, some]) => this.#backpressure.roomIn(queue) / some.length)
    const inQuota = limit === undefined ? Infinity : (limit - (await this.#quotas.taken(tenant))) / group.length
    const roomOfTenant = maxBytes === undefined ? Infinity : await this.#relief.roomOfTenant(tenant, maxBytes)
    const inBytes = roomOfTenant / (bytes + group.length * jobBytes)
    return Math.floor(Math.min(inQuota, inBytes, ...inQueues))
  }

  /** Whether a tenant that has found no room for its bytes for so long finds none later: all that takes them waits for that, too. */
  isStuckFor(tenant: string, waitedMs: number): boolean {
    return this.#relief.isStuck(tenant, waitedMs)
  }

  /** Gives back what jobs took that were admitted and are not stored: their places, and their bytes. @throws QueueUnavailableError */
  async withdraw({ tenant, limit, maxBytes, refs, bytes }: Entrants): Promise<void> {
    if (maxBytes !== undefined) this.#relief.giveBackOfTenant(tenant, bytes + refs.length * jobBytes)
    if (limit === undefined) return
    await this.#quotas.leaveUnlessWaiting(
      tenant,
      refs.map(({ id }) => id),
    )
  }
}

/** Most requests have one job. */
function countByQueue(refs: JobRef[]): Iterable<[queue: string, count: number]> {
  const [first] = refs
  if (first && refs.length === 1) return [[first.queue, 1]]
  return Map.groupBy(refs, (ref) => ref.queue)
    .entries()
    .map(([queue, some]) => [queue, some.length])
}

/** Why jobs were refused, for clients. */
export function describeRefusal(refusal: Refusal): string {
  if (refusal.reason === 'depth') return `The queue ${refusal.queue} has reached its limit of waiting jobs.`
  if (refusal.reason === 'memory') return refusal.detail
  if (refusal.of === 'jobs') return `Your tenant is limited to ${refusal.limit} waiting jobs.`
  return `Your tenant is limited to ${refusal.limit} bytes: its jobs that wait, run or ended just now take them.`
}
