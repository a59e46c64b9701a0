import { newJobRef } from '../../src/queue/model/job-id.ts'
import type { NewJob } from '../../src/queue/model/new-job.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { JobQueue } from '../../src/queue/store/job-queue.ts'
import drover from '../peers/drover/peer.ts'
import type { World } from '../world.ts'
import { drainMs } from './drain.ts'
import { inTurns, type Row, type Size, scaled } from './row.ts'

const concurrency = 100
const adders = 64

type Scheduling = Pick<NewJob['record'], 'tenant' | 'concurrency' | 'rate'>

/** What the jobs of a row have. The limits are never reached: what is measured is what they cost. */
const kinds: Record<string, (n: number) => Scheduling> = {
  fair: (n) => ({ tenant: `t${n % 10}` }),
  keyed: (n) => ({ tenant: 't', concurrency: { key: `k${n % 10_000}`, limit: 100 } }),
  rated: (n) => ({ tenant: 't', rate: { key: `k${n % 100}`, limit: 1_000_000, perMs: 1000, burst: 1_000_000 } }),
}

async function fill(world: World, prefix: string, count: number, of: (n: number) => Scheduling, isShared: boolean) {
  const keys = new Keys(prefix)
  const queue = new JobQueue({ client: world.redis, keys, queues: ['io'], isShared: () => isShared })
  let next = 0
  const add = async () => {
    while (next < count) {
      const n = next++
      const now = Date.now()
      const record = { ...of(n), input: { hello: 'world' } }
      await queue.add({ ref: newJobRef('io', now), type: 'echo', record, attempts: 1, createdAt: now })
    }
  }
  await Promise.all(Array.from({ length: adders }, add))
  return count
}

/** Jobs per second that one worker completes from a full queue with one kind of scheduling, beside the same without. */
async function drained(world: World, size: Size, name: string, target: number) {
  const count = scaled(20_000, size)
  const of = kinds[name]
  if (!of) throw new TypeError(`there is no such row: ${name}`)
  const [used, plain] = [await drover.start(world, name, concurrency), await drover.start(world, 'plain', concurrency)]
  const rate = (prefix: string, peer: typeof used, how: (n: number) => Scheduling, jobs: number) => async () => {
    const source = {
      endedKey: peer.endedKey,
      hold: peer.hold,
      fill: (jobsToAdd: number) => fill(world, prefix, jobsToAdd, how, prefix === 'fair'),
    }
    return (jobs * 1000) / (await drainMs(world.redis, source, jobs))
  }
  const one = () => ({ tenant: 't' })
  await rate(name, used, of, scaled(3000, size))()
  await rate('plain', plain, one, scaled(3000, size))()
  const [ours = [], theirs = []] = await inTurns(size.rounds, [
    rate(name, used, of, count),
    rate('plain', plain, one, count),
  ])
  for (const peer of [used, plain]) await peer.stop()
  return [
    {
      name: `drain, ${name}, jobs/s`,
      yardstick: 'plain',
      ours,
      theirs,
      target: { of: 'ratio' as const, atLeast: target },
    },
  ]
}

/** Jobs of ten tenants, which take turns. */
export const fair: Row = (world, size) => drained(world, size, 'fair', 0.9)
/** Jobs of 10,000 concurrency keys. */
export const keyed: Row = (world, size) => drained(world, size, 'keyed', 0.8)
/** Jobs of 100 rates. */
export const rated: Row = (world, size) => drained(world, size, 'rated', 0.85)
