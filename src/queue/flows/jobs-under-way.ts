import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { FlowJobIds } from './model/flow-job-id.ts'

const findJobs = loadScript('flows/find-flow-jobs')

/** How many scheduled jobs of a queue are searched for those of a flow. */
const maxScheduledSearched = 5000
/** Where no more run in a queue they are searched for those of a flow; where more run, so many of its own jobs are looked at by each call. */
const maxRunningSearched = 1000
const maxLookedAt = 500
/** How many running jobs of a queue are searched for those of the flows on a page, and by each call. */
const maxRunningOnPage = 20_000
const maxRead = 2000

/** The nodes of a flow whose jobs run, those whose jobs wait for their time or for their next attempt, and those whose handlers wait for a signal. */
export interface UnderWay {
  running: Set<number>
  scheduled: Set<number>
  parked: Set<number>
}

export const nothingUnderWay = (): UnderWay => ({ running: new Set(), scheduled: new Set(), parked: new Set() })

interface Deps {
  redis: Redis
  keys: Keys
}

/** What is under way of a flow. @throws QueueUnavailableError */
export async function readUnderWay(
  { redis, keys }: Deps,
  flow: { id: string; tenant: string; queues: string[] },
): Promise<UnderWay> {
  const ids = new FlowJobIds(flow.id)
  const running = new Set<number>()
  const scheduled = new Set<number>()
  const parked = new Set<number>()
  for (const queue of flow.queues) {
    const bull = (set: string) => keys.bull(queue, set)
    const names = [bull('active'), bull('delayed'), keys.index(queue), bull('prioritized'), keys.parked(queue)]
    const head = [ids.prefix(queue), maxScheduledSearched, bull(''), `${flow.tenant}:${ids.flow}`]
    for (let after: string | null = ''; after !== null; ) {
      const args: (string | number)[] = [...head, after, maxLookedAt, maxRunningSearched]
      const [active, delayed, next, waiting] = (await whenAvailable(findJobs(redis, names, args))) as Found
      for (const id of active) running.add(ids.node(id) ?? -1)
      for (const id of delayed) scheduled.add(ids.node(id) ?? -1)
      for (const id of waiting) parked.add(ids.node(id) ?? -1)
      after = next
    }
  }
  return { running, scheduled, parked }
}

/** The reply of find-flow-jobs.lua. Lua's false arrives as null. */
type Found = [running: string[], scheduled: string[], next: string | null, parked: string[]]

/** … of many flows, by their ids. @throws QueueUnavailableError */
export async function readUnderWayOf(
  { redis, keys }: Deps,
  flows: { id: string; queues: string[] }[],
): Promise<Map<string, UnderWay>> {
  const queues = new Set(flows.flatMap((flow) => flow.queues))
  const sets = await Promise.all(
    Array.from(queues, async (queue) => ({
      running: await newestRunning(redis, keys.bull(queue, 'active')),
      scheduled: await firstOf(redis, keys.bull(queue, 'delayed')),
      parked: await firstOf(redis, keys.parked(queue)),
    })),
  )
  const byFlow = (ids: string[]) => Map.groupBy(ids, (id) => FlowJobIds.flowOf(id))
  const [running, scheduled] = [byFlow(sets.flatMap((of) => of.running)), byFlow(sets.flatMap((of) => of.scheduled))]
  const parked = byFlow(sets.flatMap((of) => of.parked))
  return new Map(
    flows.map(({ id }) => {
      const ids = new FlowJobIds(id)
      const nodesIn = (jobs: Map<string, string[]>) =>
        new Set((jobs.get(ids.flow) ?? []).map((job) => ids.node(job) ?? -1))
      return [id, { running: nodesIn(running), scheduled: nodesIn(scheduled), parked: nodesIn(parked) }]
    }),
  )
}

const firstOf = (redis: Redis, set: string): Promise<string[]> =>
  whenAvailable(redis.zrange(set, 0, `${maxScheduledSearched - 1}`))

async function newestRunning(redis: Redis, active: string): Promise<string[]> {
  const found: string[] = []
  for (let from = 0; from < maxRunningOnPage; from += maxRead) {
    const some = await whenAvailable(redis.lrange(active, from, from + maxRead - 1))
    found.push(...some)
    if (some.length < maxRead) break
  }
  return found
}
