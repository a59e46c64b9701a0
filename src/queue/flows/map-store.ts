import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { decodeExpansion, decodeExpansions } from './flow-record.ts'
import { flowBounds } from './model/document.ts'
import type { Expansion } from './model/plan.ts'

const expandFlow = loadScript('flows/expand-flow')
const setFields = loadScript('flows/set-fields')
const admitItems = loadScript('flows/admit-items')

/** The maps of flows in Redis: their items, and how many of these have their jobs. All methods throw QueueUnavailableError. */
export class MapStore {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** The expansions of a flow's maps; `unstored` are the maps whose jobs may not all be stored, and from which item on. */
  async read(id: string): Promise<{ expansions: Expansion[]; unstored: Map<number, number> }> {
    return decodeExpansions(await whenAvailable(this.#redis.hgetall(this.#keys.flowExpansions(id))))
  }

  /** Stores the items of a map and numbers their nodes, once. `stale`: the flow is gone, has ended, is being stopped, or is in another run. */
  async expand(
    flow: { id: string; run: number },
    map: { node: number; size: number; items: unknown[] },
  ): Promise<Expansion | 'stale' | 'too_large'> {
    const args = [flow.run, map.node, map.size, flowBounds.nodes, JSON.stringify(map.items)]
    const names = [this.#keys.flow(flow.id), this.#keys.flowExpansions(flow.id)]
    const reply = String(await whenAvailable(expandFlow(this.#redis, names, args)))
    return reply === 'stale' || reply === 'too_large' ? reply : { ...decodeExpansion(map.node, reply), admitted: 0 }
  }

  /** Admits the items of a map up to `to`. @returns false when the caller, who knows so many entries of the order, is out of date */
  async admitItems(
    { id, run, jobs }: { id: string; run: number; jobs: number },
    known: number,
    items: { node: number; from: number; to: number; jobs: number },
  ): Promise<boolean> {
    const names = [this.#keys.flow(id), this.#keys.flowExpansions(id), this.#keys.flowOrder(id)]
    const args = [run, known, jobs, items.node, items.from, items.to, items.jobs]
    return (await whenAvailable(admitItems(this.#redis, names, args))) === 1
  }

  /** Marks that the jobs of so many items of a map are stored. @returns false when the flow is gone */
  async markStored(id: string, of: { map: number; items: number; isWhole: boolean }): Promise<boolean> {
    const stored = `stored:${of.map}`
    const fields = [`${stored}:items`, of.items, ...(of.isWhole ? [stored, 1] : [])]
    const names = [this.#keys.flow(id), this.#keys.flowExpansions(id)]
    return (await whenAvailable(setFields(this.#redis, names, fields))) === 1
  }
}
