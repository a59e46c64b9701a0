import { z } from 'zod'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { releaseClaim } from '../store/idempotency-keys.ts'
import type { FlowJobs } from './flow-jobs.ts'
import type { FlowStore } from './flow-store.ts'
import { FlowPlan } from './model/plan.ts'

const beginRemoval = loadScript('flows/begin-flow-removal')

/** Flows in one call. */
const maxFlows = 50

/** Removes flows with their jobs and everything that belongs to them, `resultTtlMs` after their end. */
export class FlowRemover {
  readonly #options: { redis: Redis; keys: Keys; store: FlowStore; jobs: FlowJobs; resultTtlMs: number }

  constructor(options: { redis: Redis; keys: Keys; store: FlowStore; jobs: FlowJobs; resultTtlMs: number }) {
    this.#options = options
  }

  /** A crash halfway leaves a flow that is marked, and removed the next time. @throws QueueUnavailableError */
  async removeExpired(): Promise<void> {
    const { redis, keys, resultTtlMs } = this.#options
    const [seconds, micros] = await redis.time()
    const before = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) - resultTtlMs
    const ids = await redis.zrangebyscore(keys.endedFlows, '-inf', before, 'LIMIT', 0, maxFlows)
    for (const id of ids) await this.#remove(id)
  }

  async #remove(id: string): Promise<void> {
    const { redis, keys, store, jobs } = this.#options
    const reply = z.tuple([z.string(), z.string()]).parse(await beginRemoval(redis, [keys.flow(id)], []))
    const [status, detail] = reply
    // A retry crashed between opening the next run and taking the flow off this list. That run may have ended since, and owe its webhook.
    if (status === 'open') await store.openList.add(id, Number(detail), Date.now())
    else if (status === 'removing') {
      const flow = await store.read(id)
      if (flow) {
        const { expansions } = await store.maps.read(id)
        await jobs.remove(flow, new FlowPlan(flow.tree, expansions).jobs())
      }
      if (detail !== '') await releaseClaim(redis, [detail], [id])
      await redis.unlink(keys.flow(id), keys.flowEnds(id), keys.flowOrder(id), keys.flowExpansions(id))
    }
    await redis.zrem(keys.endedFlows, id)
  }
}
