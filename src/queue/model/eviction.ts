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
  /** How many jobs it is: of a flow, those of the flow. */
  jobs: number
}

/** Whose ended jobs are looked for. */
export interface EvictionSearch {
  tenant: string
  kind: EndKind
  /** Those that ended later are kept, in epoch ms. */
  endedBefore: number
}

export interface EvictionPage {
  found: Evictable[]
  /** Undefined: there are no others. */
  next: number | undefined
  /** Where those begin that ended too lately, or the end: undefined where it has not been reached. */
  resume: number | undefined
}

/** Where ended jobs are: a queue, or the flows. All methods throw QueueUnavailableError. */
export interface EvictionSource {
  /** A key of it, which tells its node in a cluster. */
  readonly key: string
  /** Its entries are flows, whose jobs are at other nodes and take what only their removal tells: one is evicted at a time. */
  readonly isOfFlows?: true
  /** The next ended jobs of a tenant from a place in the order of their ends on. */
  find(search: EvictionSearch, from: number): Promise<EvictionPage>
  /** Removes those that may still be evicted with everything that belongs to them. @returns how many, and about how many bytes they took */
  evict(some: Evictable[], search: EvictionSearch): Promise<{ removed: number; bytes: number }>
}
