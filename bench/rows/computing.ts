import { startApi, startWorker, submission } from '../peers/drover/peer.ts'
import type { World } from '../world.ts'
import { drainMs } from './drain.ts'
import { ourQueue } from './our-queue.ts'
import { inTurns, type Row, scaled } from './row.ts'

/** Many concurrent jobs that wait on one worker: all together should take little longer than one. */
export const sleepers: Row = async (world, size) => {
  const many = 2000
  const api = await startApi(world, 'drover')
  const worker = await startWorker(world, 'drover', `io:${many}`)
  const at = { port: api.port, prefix: 'drover', queue: 'io' }
  const sleepOneSecond = ourQueue(world, at, { type: 'sleep', input: { duration_ms: 1000 } })
  await drainMs(world.redis, sleepOneSecond, 200)
  const [ours = []] = await inTurns(size.rounds, [() => drainMs(world.redis, sleepOneSecond, many)])
  await worker.stop()
  await api.stop()
  const name = `${many} sleeps of 1 s on one worker, ms`
  return [{ name, yardstick: 'one sleep', ours, theirs: [1000], target: { of: 'ratio', atMost: 1.6 } }]
}

/** A loop in the registers of a core, like that of burn-cpu but with a fixed count; and work that shares the caches of cores. */
const work = [
  { what: 'a loop', job: { type: 'burn-turns', input: { turns: 60_000_000 } }, target: { of: 'ratio', atLeast: 1.85 } },
  { what: 'primes', job: { type: 'count-primes', input: { limit: 50_000_000 } }, target: undefined },
] as const

/** The same work on one thread and on two. */
export const twoThreads: Row = async (world, size) => {
  const [one, two] = [await startThreads(world, 'one', 1), await startThreads(world, 'two', 2)]
  const count = scaled(24, size)
  const lines = []
  for (const { what, job, target } of work) {
    const rate = (threads: Threads) => async () =>
      (count * 1000) / (await drainMs(world.redis, threads.queue(job), count))
    await rate(one)()
    await rate(two)()
    const [ours = [], theirs = []] = await inTurns(size.rounds, [rate(two), rate(one)])
    lines.push({ name: `${what} on 2 threads, jobs/s`, yardstick: '1 thread', ours, theirs, ...(target && { target }) })
  }
  for (const { stop } of [one, two]) await stop()
  return lines
}

type Threads = Awaited<ReturnType<typeof startThreads>>

async function startThreads(world: World, prefix: string, threads: number) {
  const api = await startApi(world, prefix)
  const worker = await startWorker(world, prefix, `cpu:${threads}`)
  const queue = (job: object) => ourQueue(world, { port: api.port, prefix, queue: 'cpu' }, job)
  return { queue, stop: async () => void (await Promise.all([worker.stop(), api.stop()])) }
}

/** The cost of a thread for a job, against the event loop, both with as many concurrent jobs as threads. */
export const dispatch: Row = async (world, size) => {
  const [api, worker] = [await startApi(world, 'drover'), await startWorker(world, 'drover', 'cpu:2')]
  const at = { port: api.port, prefix: 'drover', queue: 'cpu' }
  const count = scaled(5000, size)
  const rate = (type: string, jobs: number) => async () =>
    (jobs * 1000) / (await drainMs(world.redis, ourQueue(world, at, { type, input: null }), jobs))
  for (const type of ['empty-thread', 'empty-loop']) await rate(type, scaled(1000, size))()
  const [ours = [], theirs = []] = await inTurns(size.rounds, [rate('empty-thread', count), rate('empty-loop', count)])
  await worker.stop()
  await api.stop()
  const name = 'empty job in a thread, jobs/s'
  return [{ name, yardstick: 'on the event loop', ours, theirs, target: { of: 'ratio', atLeast: 0.5 } }]
}

/** Latency of the API at a tenth of its capacity while all cores compute jobs, against idle cores. */
export const apiUnderBurn: Row = async (world, size) => {
  const api = await startApi(world, 'drover')
  const workers = [await startWorker(world, 'drover', 'io:100'), await startWorker(world, 'drover', 'cpu:2')]
  const call = submission(world, api.port, { type: 'echo', input: { hello: 'world' } })
  const capacity = await world.load('closedLoop', { call, connections: 64, count: scaled(20_000, size) })
  const perS = Math.round(capacity / 10)
  const seconds = Math.max(1, 6 * size.scale)
  const p99 = async () => (await world.load('openLoop', { call, perS, count: Math.round(perS * seconds) })).p99
  const burning = async () => {
    const jobs = await burnEverywhere(world, api.port)
    const seen = await p99()
    await jobs.end()
    return seen
  }
  await p99()
  const [ours = [], theirs = []] = await inTurns(size.rounds, [burning, p99])
  for (const process of [...workers, api]) await process.stop()
  const name = `submit at ${perS}/s while all cores compute, p99 ms`
  return [{ name, yardstick: 'idle cores', ours, theirs, target: { of: 'ratio', atMost: 4 } }]
}

/** Starts a computing job on each of two threads. `end` cancels them and waits until they have stopped. */
async function burnEverywhere(world: World, port: number) {
  const url = `http://127.0.0.1:${port}/v1/jobs`
  const { authorization } = world.headers
  const start = async () => {
    const body = JSON.stringify({ type: 'burn-cpu', input: { duration_ms: 600_000, steps: 1 } })
    const response = await fetch(url, { method: 'POST', headers: { ...world.headers, prefer: 'wait=1' }, body })
    const { id, state } = (await response.json()) as { id: string; state: string }
    if (state !== 'running') throw new Error(`a burning job is ${state}`)
    return id
  }
  const ids = await Promise.all([start(), start()])
  return {
    async end() {
      for (const id of ids) await fetch(`${url}/${id}/cancel`, { method: 'POST', headers: { authorization } })
      for (const id of ids) await fetch(`${url}/${id}`, { headers: { authorization, prefer: 'wait=10' } })
    },
  }
}
