import { ulidOf, ulidTime } from '../model/job-id.ts'
import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { FlowStore } from './flow-store.ts'

/** An entry is written just before its flow. */
const unstoredMs = 60_000
/** Flows in one step. */
const maxFlows = 50

/** Keeps the index of flows true: adds the flows that a version without the index stored, and removes entries whose flow is gone. */
export class FlowIndexUpkeep {
  readonly #deps: { redis: Redis; keys: Keys; store: FlowStore }
  /** The lists that may have flows without an entry, and how far each was read. */
  #toIndex: { list: string; cursor: string }[] = []
  /** The rank at which each index is looked at next. */
  readonly #places: { index: string; from: number }[]

  constructor(deps: { redis: Redis; keys: Keys; store: FlowStore }) {
    this.#deps = deps
    this.#places = [deps.keys.flowIndex, deps.keys.flowLabels].map((index) => ({ index, from: 0 }))
  }

  /** This process has become the coordinator. The one before may have been of an earlier version. */
  begin(): void {
    const { openFlows, endedFlows } = this.#deps.keys
    this.#toIndex = [openFlows, endedFlows].map((list) => ({ list, cursor: '0' }))
  }

  /** @throws QueueUnavailableError */
  async step(): Promise<void> {
    await this.#indexSome()
    for (const place of this.#places) await this.#cleanSome(place)
  }

  async #indexSome(): Promise<void> {
    const { redis, store } = this.#deps
    const [next] = this.#toIndex
    if (!next) return
    const [cursor, entries] = await redis.zscan(next.list, next.cursor, 'COUNT', maxFlows)
    // Entries and their scores take turns. An open flow is listed with its run.
    const ids = entries.filter((_, n) => n % 2 === 0).map((entry) => entry.split(' ')[0] ?? '')
    await Promise.all(
      ids.map(async (id) => {
        const head = await store.head(id)
        if (head) await store.index.add(head, head.finished?.state)
      }),
    )
    next.cursor = cursor
    if (cursor === '0') this.#toIndex.shift()
  }

  async #cleanSome(place: { index: string; from: number }): Promise<void> {
    const { redis, store } = this.#deps
    const entries = await redis.zrange(place.index, place.from, `${place.from + maxFlows - 1}`)
    const before = ulidTime(redisNow() - unstoredMs)
    const old = entries.filter((entry) => ulidOf(entry) < before)
    const statuses = await Promise.all(old.map((entry) => store.readStatus(`flow_${ulidOf(entry)}`)))
    const gone = old.filter((_, n) => statuses[n]?.run === 0)
    if (gone.length > 0) await redis.zrem(place.index, ...gone)
    place.from = entries.length === 0 ? 0 : place.from + entries.length - gone.length
  }
}
