import { setTimeout as sleep } from 'node:timers/promises'
import { Keys } from '../../src/queue/redis/keys.ts'
import type { Call } from '../load/generator.ts'
import { startApi, startWorker, submission } from '../peers/drover/peer.ts'
import { startRaw } from '../peers/raw/start.ts'
import { cpuSeconds, type World } from '../world.ts'
import { inTurns, type Row, scaled } from './row.ts'

const concurrency = 10
const pollMs = 20

/** Runs a chain of jobs, of which each starts when the one before has ended. */
interface Side {
  endedKey: string
  pids: number[]
  run: (steps: number) => Promise<unknown>
}

interface Measured {
  ms: number[]
  cpuUs: number[]
}

/** Time, and CPU time of all processes but Redis, for a step of a chain: ours, and the nested flow of BullMQ's FlowProducer. */
export const chain: Row = async (world, size) => {
  const steps = scaled(500, size)
  const api = await startApi(world, 'drover')
  const worker = await startWorker(world, 'drover', `io:${concurrency}`)
  const raw = await startRaw(world, 'raw', concurrency)
  const ours = (next: unknown): Side => ({
    endedKey: new Keys('drover').bull('io', 'completed'),
    pids: [api.pid, worker.pid],
    run: (count) => world.load('closedLoop', { call: chainOf(world, api.port, count, next), connections: 1, count: 1 }),
  })
  const sides: Side[] = [
    ours({ hello: 'world' }),
    ours({ $output: '' }),
    { endedKey: raw.endedKey, pids: raw.pids, run: (count) => raw.call('chain', { steps: count }) },
  ]
  const seen = sides.map((): Measured => ({ ms: [], cpuUs: [] }))
  for (const side of sides) await measure(world, side, steps)
  await inTurns(
    size.rounds,
    sides.map((side, n) => async () => {
      const { ms, cpuUs } = await measure(world, side, steps)
      seen[n]?.ms.push(ms)
      seen[n]?.cpuUs.push(cpuUs)
      return ms
    }),
  )
  for (const process of [api, worker, raw]) await process.stop()
  const [plain, filled, theirs] = seen
  if (!plain || !filled || !theirs) return []
  const yardstick = 'raw FlowProducer'
  const target = { of: 'ours' as const, atMost: 0.5 }
  return [
    { name: 'step of a chain, ms', yardstick, ours: plain.ms, theirs: theirs.ms, target },
    { name: 'step of a chain, CPU µs', yardstick, ours: plain.cpuUs, theirs: theirs.cpuUs },
    { name: 'step with `$output`, ms', yardstick, ours: filled.ms, theirs: theirs.ms },
    { name: 'step with `$output`, CPU µs', yardstick, ours: filled.cpuUs, theirs: theirs.cpuUs },
  ]
}

function chainOf(world: World, port: number, steps: number, next: unknown): Call {
  const step = (n: number) => ({ type: 'echo', input: n === 0 ? { hello: 'world' } : next })
  const body = JSON.stringify({ flow: { chain: Array.from({ length: steps }, (_, n) => step(n)) } })
  return { ...submission(world, port, {}), path: '/v1/flows?tree=none', body }
}

/** A chain from its submission to the recorded end of its last step. */
async function measure(world: World, { endedKey, pids, run }: Side, steps: number) {
  const { redis } = world
  const cpu = async () => (await Promise.all(pids.map(cpuSeconds))).reduce((sum, s) => sum + s, 0)
  const before = await redis.zcard(endedKey)
  const cpuBefore = await cpu()
  const from = Date.now()
  await run(steps)
  while ((await redis.zcard(endedKey)) < before + steps) await sleep(pollMs)
  const cpuUs = ((await cpu()) - cpuBefore) * 1e6
  const [, endedAt] = await redis.zrange(endedKey, '-1', '-1', 'WITHSCORES')
  return { ms: (Number(endedAt) - from) / steps, cpuUs: cpuUs / steps }
}
