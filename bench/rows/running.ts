import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { BullQueues } from '../../src/queue/bullmq/bull-queues.ts'
import { newJobRef } from '../../src/queue/model/job-id.ts'
import { recordVersion } from '../../src/queue/model/job-record.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { hold, startApi, startWorker } from '../peers/drover/peer.ts'
import type { RawCaller } from '../peers/raw/caller.ts'
import { remote } from '../remote.ts'
import type { Line } from '../report.ts'
import type { World } from '../world.ts'
import { type Drainable, drainMs } from './drain.ts'
import { type Row, scaled } from './row.ts'

const concurrency = 100
const bulkSize = 1000
const pollMs = 50
const pingEveryMs = 5

/** One side: adds long jobs that keep running, starts a worker for short ones, and drains those. */
interface Side {
  activeKey: string
  /** Makes so many more jobs run. */
  occupy: (jobs: number) => Promise<unknown>
  drain: Drainable
  startWorker: () => Promise<{ stop(): Promise<void> }>
}

/**
 * What jobs that run for long cost short ones beside them: the rate at which a worker drains short jobs, the longest that Redis did not answer
 * meanwhile, and its longest call. Plain BullMQ beside it.
 */
export const running: Row = async (world, size) => {
  const few = scaled(5000, size)
  const many = scaled(50_000, size)
  const isFirst = await schedule(world, '--fifo', 1)
  const lines: Line[] = []
  const sides = { ours: ourSide, raw: rawSide }
  const seen: Record<keyof typeof sides, Measured[]> = { ours: [], raw: [] }
  for (const name of ['ours', 'raw'] as const) {
    const side = await sides[name](world)
    let busy = 0
    // BullMQ's Worker marks all of 50,000 by one call: on a busy machine it does not come to an end.
    for (const jobs of name === 'ours' ? [0, few, many] : [0, few]) {
      await side.drain.hold(false)
      if (jobs > busy) await side.occupy(jobs - busy)
      while ((await world.redis.llen(side.activeKey)) < jobs) await sleep(pollMs)
      busy = jobs
      const worker = await side.startWorker()
      seen[name].push(await measure(world, side.drain, scaled(5000, size), size.rounds))
      await worker.stop()
    }
    await world.clear()
  }
  if (isFirst) await schedule(world, '--other', 0)
  for (const [n, jobs] of [0, few, many].entries()) {
    const [ours, raw, alone] = [seen.ours[n], seen.raw[n], seen.ours[0]]
    if (!ours || !alone) continue
    const beside = `beside ${jobs} running`
    const target = { of: 'ratio' as const, atLeast: 0.8 }
    if (jobs > 0)
      lines.push({
        name: `drain ${beside}, jobs/s`,
        yardstick: 'beside 0',
        ours: ours.perS,
        theirs: alone.perS,
        target,
      })
    lines.push(
      { name: `drain ${beside}, jobs/s`, yardstick: 'raw Worker', ours: ours.perS, theirs: raw?.perS ?? [] },
      { name: `longest PING ${beside}, ms`, yardstick: 'raw Worker', ours: ours.pingMs, theirs: raw?.pingMs ?? [] },
      {
        name: `longest call in Redis ${beside}${isFirst ? '' : ', with waits for a core'}, ms`,
        yardstick: 'raw Worker',
        ours: ours.callMs,
        theirs: raw?.callMs ?? [],
        target: { of: 'ours', atMost: 5 },
      },
    )
  }
  return lines
}

/**
 * Lets Redis run before all other processes (`--fifo 1`), or as they do (`--other 0`): on busy cores a HSET takes 4 ms by the slow log, in which Redis
 * waits for a core.
 *
 * @returns false where the user may not, or there is no `chrt`
 */
async function schedule({ redis }: World, policy: '--fifo' | '--other', priority: 0 | 1): Promise<boolean> {
  const [, pid = ''] = /^process_id:(\d+)/m.exec(await redis.info('server')) ?? []
  return promisify(execFile)('chrt', [policy, '--pid', String(priority), pid]).then(
    () => true,
    () => false,
  )
}

interface Measured {
  perS: number[]
  pingMs: number[]
  callMs: number[]
}

async function measure(world: World, drain: Drainable, count: number, rounds: number): Promise<Measured> {
  const { redis, redisUrl } = world
  const measured: Measured = { perS: [], pingMs: [], callMs: [] }
  await drainMs(redis, drain, count)
  await redis.config('SET', 'slowlog-log-slower-than', '1000', 'slowlog-max-len', '1000')
  const pinging = new Redis(redisUrl)
  for (let round = 0; round < rounds; round++) {
    await redis.slowlog('RESET')
    const pings = startPings(pinging)
    measured.perS.push((count * 1000) / (await drainMs(redis, drain, count)))
    measured.pingMs.push(await pings())
    // Entries: id, when, µs, arguments, …. Below 1 ms there is none.
    const calls = (await redis.slowlog('GET', '1000')) as [number, number, number][]
    measured.callMs.push(Math.max(1000, ...calls.map(([, , tookUs]) => tookUs)) / 1000)
  }
  pinging.disconnect()
  return measured
}

/** @returns stops it, and says the longest time that an answer took, in ms */
function startPings(redis: Redis): () => Promise<number> {
  let longest = 0
  const over = new AbortController()
  const pinging = (async () => {
    while (!over.signal.aborted) {
      const from = performance.now()
      await redis.ping()
      longest = Math.max(longest, performance.now() - from)
      await sleep(pingEveryMs)
    }
  })()
  return async () => {
    over.abort()
    await pinging
    return longest
  }
}

async function ourSide(world: World): Promise<Side> {
  const prefix = 'drover'
  const api = await startApi(world, prefix)
  const keys = new Keys(prefix)
  const queues = new BullQueues({ redis: world.redis, keys, isListed: true })
  // As the API stores them, without HTTP: BullMQ's side has none either.
  const add = async (type: string, count: number) => {
    const record = { v: recordVersion, tenant: 'bench', input: { hello: 'world' } } as const
    for (let left = count; left > 0; left -= bulkSize) {
      const createdAt = Date.now()
      const job = () => ({ ref: newJobRef('io', createdAt), type, record, attempts: 1, createdAt })
      await queues.addBulk('io', Array.from({ length: Math.min(left, bulkSize) }, job))
    }
    return count
  }
  return {
    activeKey: keys.bull('io', 'active'),
    occupy: async (jobs) => {
      // It takes no short ones, since all its places are taken.
      await startWorker(world, prefix, `io:${jobs}`)
      await add('hang', jobs)
    },
    drain: {
      endedKey: keys.bull('io', 'completed'),
      hold: (held) => hold(world, api.port, 'io', held),
      fill: (count) => add('echo', count),
    },
    startWorker: () => startWorker(world, prefix, `io:${concurrency}`),
  }
}

async function rawSide(world: World): Promise<Side> {
  const env = { REDIS_URL: world.redisUrl, KEY_PREFIX: 'raw' }
  const call = remote<RawCaller>((await world.start('bench/peers/raw/caller.ts', env)).child)
  const start = (file: string, jobs: number) => world.start(file, { ...env, CONCURRENCY: String(jobs) })
  return {
    activeKey: 'raw:jobs:active',
    occupy: async (jobs) => {
      await start('bench/peers/raw/sleeper.ts', jobs)
      await call('addBulk', { count: jobs })
    },
    drain: {
      endedKey: 'raw:jobs:completed',
      hold: (held) => call('hold', { held }),
      fill: (count) => call('addBulk', { count }),
    },
    startWorker: () => start('bench/peers/by-hand/worker.ts', concurrency),
  }
}
