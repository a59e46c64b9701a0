import type { BackendCaller } from '../peers/backend/caller.ts'
import { type Remote, remote } from '../remote.ts'
import type { Line } from '../report.ts'
import { cpuSeconds, type World } from '../world.ts'
import { type Row, type Size, scaled } from './row.ts'

interface Measured {
  perS: number
  processUs: number
  redisUs: number
}

/** One thing that is measured: `act` counts, what `prepare` does does not. */
interface Cell {
  name: string
  count: number
  prepare?: (call: Remote<BackendCaller>) => Promise<unknown>
  act: (call: Remote<BackendCaller>) => Promise<{ perS: number; processUs: number }>
  clean?: (call: Remote<BackendCaller>) => Promise<unknown>
}

/**
 * BullMQ's own Queue and Worker over our backend beside the same over BullMQ's stock backend: rates, and µs of a core that Redis and
 * the process take for a job. No HTTP, no job record, and the events that BullMQ's tools listen to.
 */
export const backend: Row = async (world, size) => {
  const sides = await Promise.all(
    ['ours', 'stock'].map(async (side) => {
      const env = { REDIS_URL: world.redisUrl, KEY_PREFIX: side, BACKEND: side }
      return remote<BackendCaller>((await world.start('bench/peers/backend/caller.ts', env)).child)
    }),
  )
  const redisPid = Number(/^process_id:(\d+)/m.exec(await world.redis.info('server'))?.[1])
  const lines: Line[] = []
  for (const cell of cells(size)) {
    const samples: Measured[][] = sides.map(() => [])
    // The first round warms both up: compiled code, and the scripts in Redis.
    for (let round = -1; round < size.rounds; round++) {
      for (const [n, call] of sides.entries()) {
        const one = await measure(world, redisPid, cell, call)
        if (round >= 0) samples[n]?.push(one)
      }
    }
    lines.push(...linesOf(cell, samples))
  }
  return lines
}

async function measure(world: World, redisPid: number, { count, ...cell }: Cell, call: Remote<BackendCaller>) {
  await cell.prepare?.(call)
  const before = await cpuSeconds(redisPid)
  const { perS, processUs } = await cell.act(call)
  const redisUs = (1e6 * ((await cpuSeconds(redisPid)) - before)) / count
  await cell.clean?.(call)
  await world.redis.flushall()
  return { perS, processUs, redisUs }
}

function linesOf({ name }: Cell, [ours = [], stock = []]: Measured[][]): Line[] {
  const units = { 'jobs/s': 'perS', 'Redis µs': 'redisUs', 'process µs': 'processUs' } as const
  return Object.entries(units).map(([unit, field]) => ({
    name: `backend: ${name}, ${unit}`,
    yardstick: 'stock',
    ours: ours.map((one) => one[field]),
    theirs: stock.map((one) => one[field]),
  }))
}

function cells(size: Size): Cell[] {
  const count = scaled(20_000, size)
  const drains = [
    { concurrency: 1, ms: 0, jobs: 5000 },
    { concurrency: 1, ms: 5, jobs: 500 },
    { concurrency: 50, ms: 0, jobs: 20_000 },
    { concurrency: 50, ms: 5, jobs: 20_000 },
    { concurrency: 100, ms: 0, jobs: 20_000 },
    { concurrency: 100, ms: 5, jobs: 20_000 },
  ]
  return [
    { name: 'add, 64 in flight', count, act: (call) => call('add', { count, wide: 64 }) },
    { name: 'addBulk of 1,000', count, act: (call) => call('addBulk', { count }) },
    ...drains.map(({ concurrency, ms, jobs }): Cell => {
      const count = scaled(jobs, size)
      return {
        name: `drain at ${concurrency}, ${ms === 0 ? 'empty' : `${ms} ms`}`,
        count,
        prepare: (call) => call('prepareDrain', { count, concurrency, ms }),
        act: (call) => call('drain', { count }),
        clean: (call) => call('endDrain', undefined),
      }
    }),
  ]
}
