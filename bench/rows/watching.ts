import { setTimeout as sleep } from 'node:timers/promises'
import { Keys } from '../../src/queue/redis/keys.ts'
import { quantile } from '../pace.ts'
import drover, { startApi, startWorker } from '../peers/drover/peer.ts'
import { findPeers } from '../peers/find.ts'
import { cpuSeconds, residentKb, type World } from '../world.ts'
import { drainable, drainMs } from './drain.ts'
import { ourQueue } from './our-queue.ts'
import { type Row, scaled } from './row.ts'

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
  const { found, skipped } = await findPeers({ ...world, base: undefined })
  const peers = world.hasPeers ? found : []
  const all = [drover, ...peers]
  const memory: Record<Role, number[]>[] = all.map(() => ({ api: [], worker: [] }))
  const ready: Record<Role, number[]> = { api: [], worker: [] }
  for (let round = 0; round < size.rounds; round++) {
    for (const [n, peer] of all.entries()) {
      const running = await peer.start(world, `idle-${peer.name}`, 100)
      await sleep(settleMs)
      for (const role of ['api', 'worker'] as const) {
        memory[n]?.[role].push((await residentKb(running[role].pid)) / 1024)
        if (n === 0) ready[role].push(running[role].readyMs / 1000)
      }
      await running.stop()
    }
  }
  const none = { yardstick: '', theirs: [] }
  const roles = { api: { name: 'API', mb: 105 }, worker: { name: 'IO worker', mb: 100 } }
  return (['api', 'worker'] as const).flatMap((role) => {
    const { name, mb } = roles[role]
    const ours = memory[0]?.[role] ?? []
    return [
      { name: `${name}, idle, MB`, ...none, ours, target: { of: 'ours' as const, atMost: mb } },
      ...peers.map((peer, n) => ({
        name: `${name}, idle, MB`,
        yardstick: peer.name,
        ours,
        theirs: memory[n + 1]?.[role] ?? [],
      })),
      ...(world.hasPeers ? skipped.map((why) => ({ name: `${name}, idle, MB`, skipped: why })) : []),
      { name: `${name}, start to ready, s`, ...none, ours: ready[role], target: { of: 'ours' as const, atMost: 0.5 } },
    ]
  })
}

type Role = 'api' | 'worker'
