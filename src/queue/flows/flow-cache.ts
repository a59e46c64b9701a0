import { LRUCache } from 'lru-cache'
import { monotonicMs } from '../model/monotonic.ts'
import { redisNow } from '../model/redis-time.ts'
import type { FlowStore } from './flow-store.ts'
import { LoadedFlow } from './loaded-flow.ts'

/** Bounds the memory of the cache: nodes of all cached flows together. */
const maxNodes = 200_000
/** No hint of a flow that is younger than this can have been missed. */
const newMs = 1000

/** A flow in memory, and how far the check of its jobs has come. */
export interface CachedFlow {
  loaded: LoadedFlow
  /** When all its running jobs were last checked, in epoch ms. */
  checkedAt: number
  /** The place among its running jobs at which the next check begins. */
  cursor: number
}

/** The flows that were driven last. Methods that read throw QueueUnavailableError. */
export class FlowCache {
  readonly #store: FlowStore
  readonly #flows = new LRUCache<string, CachedFlow>({
    maxSize: maxNodes,
    sizeCalculation: ({ loaded }) => Math.max(1, loaded.flow.nodes),
  })

  constructor(store: FlowStore) {
    this.#store = store
  }

  /** The flow if it is cached, without a call to Redis. */
  peek(id: string): CachedFlow | undefined {
    return this.#flows.peek(id)
  }

  /** The flow from the cache, or else from Redis; undefined when there is none. */
  async get(id: string): Promise<CachedFlow | undefined> {
    return this.#flows.get(id) ?? this.read(id)
  }

  /** The flow from the cache if one call to Redis finds that it is up to date, or else from Redis. */
  async getCurrent(id: string): Promise<CachedFlow | undefined> {
    const cached = this.#flows.get(id)
    return cached && (await this.#isCurrent(cached.loaded)) ? cached : this.read(id)
  }

  /** The flow from Redis. */
  async read(id: string): Promise<CachedFlow | undefined> {
    const cursor = this.#flows.peek(id)?.cursor ?? 0
    this.#flows.delete(id)
    const loaded = await LoadedFlow.read(this.#store, id)
    if (!loaded) return undefined
    const isNew = redisNow() - loaded.flow.createdAt < newMs
    const flow = { loaded, checkedAt: isNew ? monotonicMs() : -Infinity, cursor }
    this.#flows.set(id, flow)
    return flow
  }

  /** Counts the nodes of a flow again: a map was expanded. */
  recount(id: string): void {
    const flow = this.#flows.peek(id)
    this.#flows.delete(id)
    if (flow) this.#flows.set(id, flow)
  }

  /** Forgets a flow whose copy may be out of date. */
  delete(id: string): void {
    this.#flows.delete(id)
  }

  /** Hints may have been missed: all flows are due for a check. */
  expireChecks(): void {
    for (const flow of this.#flows.values()) flow.checkedAt = -Infinity
  }

  clear(): void {
    this.#flows.clear()
  }

  /** Whether a flow is as it was read, but for the ends of nodes: the same run and jobs, not finished, and with the same stop mark. */
  async #isCurrent({ flow, known }: LoadedFlow): Promise<boolean> {
    const { run, isFinished, isStopping, isStored, jobs, ends } = await this.#store.readStatus(flow.id)
    // Fewer ends than were read, or jobs that may not all be stored any more: Redis has lost what it had written last.
    const isBehind = ends < known || (flow.isStored && !isStored)
    flow.isStored ||= isStored
    const isAsRead = run === flow.run && jobs === flow.jobs && !isBehind
    return isAsRead && !isFinished && isStopping === (flow.stop !== undefined)
  }
}
