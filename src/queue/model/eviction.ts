/** The kinds of ends in the order in which ended jobs of a tenant give way; `stopped`: canceled or expired. */
export const evictionOrder = ['succeeded', 'stopped', 'failed'] as const
export type EndKind = (typeof evictionOrder)[number]

/** An ended job, or an ended flow with its jobs, that may be evicted. */
export interface Evictable {
  id: string
  /** Epoch ms. */
  endedAt: number
  /** About how many it takes in Redis. */
  bytes: number
}

/** Whose ended jobs are looked for. */
export interface EvictionSearch {
  tenant: string
  kind: EndKind
  /** Those that ended later are kept, in epoch ms. */
  endedBefore: number
}

/** Where ended jobs are: a queue, or the flows. All methods throw QueueUnavailableError. */
export interface EvictionSource {
  /** A key of it, which tells its node in a cluster. */
  readonly key: string
  /** The next ended jobs of a tenant from a place in the order of their ends on; `next` undefined: there are no others. */
  find(search: EvictionSearch, from: number): Promise<{ found: Evictable[]; next: number | undefined }>
  /** Removes those that may still be evicted with everything that belongs to them. @returns how many */
  evict(some: Evictable[], search: EvictionSearch): Promise<number>
}
