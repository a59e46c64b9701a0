import { setTimeout as sleep } from 'node:timers/promises'
import { Keys } from '../../src/queue/redis/keys.ts'
import { quantile } from '../pace.ts'
import drover, { startApi, startWorker } from '../peers/drover/peer.ts'
import { cpuSeconds, residentKb, type World } from '../world.ts'
import { drainable, drainMs } from './drain.ts'
import { ourQueue } from './our-queue.ts'
import { inTurns, type Row, scaled } from './row.ts'

/** An idle process has settled after this time. */
const settleMs = 4000

/** Many open event streams on one API process: memory of each, and time from the end of a job to its event. */
export const streams: Row = async (world, size) => {
  const many = scaled(5000, size)
  const api = await startApi(world, 'drover')
  // Ten concurrent jobs of 20 ms: about 500 ends per second, spread over time like the jobs of many clients.
  const worker = await startWorker(world, 'drover', 'io:10')
  const queue = ourQueue(
    world,
    { port: api.port, prefix: 'drover', queue: 'io' },
    {
      type: 'sleep',
      input: { duration_ms: 20 },
    },
  )
  const memory: number[] = []
  const late: number[] = []
  for (let round = 0; round < size.rounds; round++) {
    const seen = await watchAll(world, api, queue, many)
    memory.push(seen.kbEach)
    late.push(seen.p99)
  }
  await worker.stop()
  await api.stop()
  const none = { yardstick: '', theirs: [] }
  return [
    // A process keeps the memory of its closed streams, so only the first round shows their cost.
    {
      name: `${many} open streams, kB each`,
      ...none,
      ours: memory.slice(0, 1),
      target: { of: 'ours', atMost: 20 },
    },
    {
      name: `… end of a job to its event, ${many} streams, p99 ms`,
      ...none,
      ours: late,
      target: { of: 'ours', atMost: 100 },
    },
  ]
}

type Queue = ReturnType<typeof ourQueue>

/** Opens a stream for each of `many` jobs, runs them, and counts the memory of a stream and the time from an end to its event. */
export async function watchAll(world: World, api: { pid: number; port: number }, queue: Queue, many: number) {
  await queue.hold(true)
  await queue.fill(many)
  await sleep(settleMs)
  const before = await residentKb(api.pid)
  const ids = await world.redis.zrange(new Keys('drover').bull('io', 'prioritized'), '0', '-1')
  const paths = ids.map((id) => `/v1/jobs/${id}/events`)
  const { authorization } = world.headers
  await world.load('openStreams', { origin: `http://127.0.0.1:${api.port}`, paths, headers: { authorization } })
  await sleep(settleMs)
  const kbEach = ((await residentKb(api.pid)) - before) / many
  await queue.hold(false)
  let seen = await world.load('endsSeen', undefined)
  while (seen.missing > 0) {
    await sleep(500)
    seen = await world.load('endsSeen', undefined)
  }
  await world.load('closeStreams', undefined)
  return { kbEach, p99: quantile(seen.delays, 0.99) }
}

/** CPU time of the API while workers drain jobs that no client watches, beyond that of an idle API. */
export const unwatched: Row = async (world, size) => {
  const count = scaled(50_000, size)
  const ours = await drover.start(world, 'drover', 100)
  const queue = drainable(world, ours)
  const share = async (act: () => Promise<unknown>) => {
    const [from, before] = [performance.now(), await cpuSeconds(ours.api.pid)]
    await act()
    return ((await cpuSeconds(ours.api.pid)) - before) / ((performance.now() - from) / 1000)
  }
  await queue.hold(true)
  await queue.fill(count)
  await sleep(settleMs)
  const draining = await share(() => drainMs(world.redis, { ...queue, fill: async () => 0 }, count))
  const idle = await share(() => sleep(10_000))
  await ours.stop()
  return [
    {
      name: `API while ${count} unwatched jobs drain, % of a core beyond idle (${(100 * idle).toFixed(1)} %)`,
      yardstick: '',
      ours: [100 * (draining - idle)],
      theirs: [],
      target: { of: 'ours', atMost: 1 },
    },
  ]
}

/** Memory of idle processes, and their time to ready. */
export const idle: Row = async (world, size) => {
  const starts = { API: () => startApi(world, 'idle'), 'IO worker': () => startWorker(world, 'idle', 'io:100') }
  const lines = []
  for (const [role, start] of Object.entries(starts)) {
    const ready: number[] = []
    const measure = async () => {
      const process = await start()
      await sleep(settleMs)
      const mb = (await residentKb(process.pid)) / 1024
      await process.stop()
      ready.push(process.readyMs / 1000)
      return mb
    }
    const [memory = []] = await inTurns(size.rounds, [measure])
    const none = { yardstick: '', theirs: [] }
    lines.push(
      { name: `${role}, idle, MB`, ...none, ours: memory, target: { of: 'ours' as const, atMost: 120 } },
      { name: `${role}, start to ready, s`, ...none, ours: ready, target: { of: 'ours' as const, atMost: 1.5 } },
    )
  }
  return lines
}
