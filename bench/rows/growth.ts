import type { Redis } from 'ioredis'
import { newJobRef } from '../../src/queue/model/job-id.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import drover from '../peers/drover/peer.ts'
import type { World } from '../world.ts'
import { drainable, drainMs } from './drain.ts'
import { type Row, scaled } from './row.ts'

const batchSize = 1000

/**
 * Copies a waiting job under new ids, with its entries in the queue and in the index: the same as many submissions, in a tenth
 * of the time.
 */
const copyLua = `
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
local entry = ARGV[2]
for i = 3, #ARGV do
  redis.call('COPY', KEYS[1], KEYS[4] .. ARGV[i])
  redis.call('ZADD', KEYS[2], score + i * 0.0001, ARGV[i])
  redis.call('ZADD', KEYS[3], 0, entry .. string.sub(ARGV[i], -26))
end`

async function deepen(redis: Redis, prefix: string, jobs: number): Promise<void> {
  const keys = new Keys(prefix)
  const prioritized = keys.bull('io', 'prioritized')
  const [first = ''] = await redis.zrange(prioritized, '0', '0')
  const names = [keys.job({ queue: 'io', id: first }), prioritized, keys.index('io'), keys.bull('io', '')]
  for (let left = jobs; left > 0; left -= batchSize) {
    const ids = Array.from({ length: Math.min(left, batchSize) }, () => newJobRef('io', Date.now()).id)
    await redis.eval(copyLua, names.length, ...names, first, 'bench:', ...ids)
  }
}

/** The rates of submissions and drains with many and with few waiting jobs. */
export const growth: Row = async (world, size) => {
  const [few, many] = [scaled(1000, size), scaled(1_000_000, size)]
  const queues = [await startFull(world, 'large', many), await startFull(world, 'small', few)]
  const count = scaled(10_000, size)
  const submits: number[][] = [[], []]
  const drains: number[][] = [[], []]
  for (let round = 0; round < size.rounds; round++) {
    for (const [n, peer] of queues.entries()) {
      const queue = drainable(world, peer)
      // As many jobs are drained as were submitted, so the depth stays the same.
      const fill = async (jobs: number) => {
        const rate = await queue.fill(jobs)
        submits[n]?.push(rate)
        return rate
      }
      drains[n]?.push((count * 1000) / (await drainMs(world.redis, { ...queue, fill }, count)))
    }
  }
  for (const peer of queues) await peer.stop()
  const yardstick = `${few} queued`
  const target = { of: 'ratio' as const, atLeast: 0.85 }
  const line = (what: string, [ours = [], theirs = []]: number[][]) => {
    return { name: `${what} with ${many} queued, jobs/s`, yardstick, ours, theirs, target }
  }
  return [line('submit', submits), line('drain', drains)]
}

/** Drover after a warm-up, with its queue paused and so many jobs waiting. */
async function startFull(world: World, prefix: string, jobs: number) {
  const peer = await drover.start(world, prefix, 100)
  const queue = drainable(world, peer)
  await drainMs(world.redis, queue, Math.min(jobs, 3000))
  await queue.hold(true)
  await queue.fill(1)
  await deepen(world.redis, prefix, jobs - 1)
  return peer
}
