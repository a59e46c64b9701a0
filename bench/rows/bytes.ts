import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { Keys } from '../../src/queue/redis/keys.ts'
import { hold, startApi, startWorker, submission } from '../peers/drover/peer.ts'
import type { RawCaller } from '../peers/raw/caller.ts'
import { remote } from '../remote.ts'
import type { Line } from '../report.ts'
import type { World } from '../world.ts'
import { type Row, scaled } from './row.ts'

const pollMs = 50
/** Jobs before those that count, for scripts and connections. */
const warmUp = 500
/** Without them Redis has its own defaults: see docs/redis.md. */
const settings = { 'hash-max-listpack-value': ['64', '512'], 'stream-node-max-bytes': ['4096', '256'] } as const
/** Has 99 characters as JSON. */
const input = { to: 'someone@example.com', subject: 'hello', body: 'x'.repeat(43) }

/**
 * Bytes of Redis for a job that waits, runs, has ended, and has ended with three progress events, beside those of plain BullMQ on a Redis
 * without settings. A job of BullMQ has no entry in an index; it has a part of the queue's stream of events.
 */
export const bytes: Row = async (world, size) => {
  const count = scaled(5000, size)
  const raw = await rawBytes(world, count)
  const lines: Line[] = []
  for (const [n, how] of ['no settings', 'settings'].entries()) {
    await world.clear()
    await configure(world.redis, n)
    const ours = await ourBytes(world, count)
    const line = (state: keyof typeof raw, ours: number, atMost: number | undefined) => ({
      name: `bytes of a job, ${state}, ${how}`,
      yardstick: 'raw BullMQ',
      ours: [ours],
      theirs: [raw[state]],
      ...(atMost !== undefined && { target: { of: 'ratio' as const, atMost } }),
    })
    lines.push(line('queued', ours.queued, [1.15, 0.85][n]))
    lines.push(line('running', ours.running, n === 0 ? 1.15 : undefined))
    lines.push(line('ended', ours.ended, [1.15, 0.75][n]))
    const target = { of: 'ours' as const, atMost: 2048 }
    const name = `bytes of a job, ended with three events, ${how}`
    lines.push({ name, yardstick: '', ours: [ours.withEvents], theirs: [], target })
  }
  await configure(world.redis, 0)
  return lines
}

async function configure(redis: Redis, which: number): Promise<void> {
  for (const [name, values] of Object.entries(settings)) await redis.config('SET', name, values[which] ?? '')
}

/** What the data takes, without the buffers of connections and of the append-only file. */
async function dataBytes(redis: Redis): Promise<number> {
  const info = await redis.info('memory')
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  return field('used_memory') - field('mem_clients_normal') - field('mem_aof_buffer')
}

/** @returns bytes for each of `count` jobs that `act` adds or moves, of which there were `jobs` before */
async function growth(redis: Redis, count: number, act: () => Promise<unknown>): Promise<number> {
  const before = await dataBytes(redis)
  await act()
  return ((await dataBytes(redis)) - before) / count
}

async function until(redis: Redis, count: number, read: (redis: Redis) => Promise<number>): Promise<void> {
  while ((await read(redis)) < count) await sleep(pollMs)
}

async function ourBytes(world: World, count: number) {
  const { redis } = world
  const prefix = 'drover'
  const keys = new Keys(prefix)
  const api = await startApi(world, prefix)
  const submit = (job: object, jobs = count) =>
    world.load('closedLoop', { call: submission(world, api.port, job), connections: 64, count: jobs })
  const ended = (least: number) => until(redis, least, (of) => of.zcard(keys.bull('io', 'completed')))
  const worker = await startWorker(world, prefix, 'io:100')
  await submit({ type: 'echo', input }, warmUp)
  await ended(warmUp)
  await hold(world, api.port, 'io', true)

  const queued = await growth(redis, count, () => submit({ type: 'echo', input }))
  const endedMore = await growth(redis, count, async () => {
    await hold(world, api.port, 'io', false)
    await ended(warmUp + count)
  })
  const withEvents = await growth(redis, count, async () => {
    await submit({ type: 'sleep', input: { duration_ms: 30, steps: 3 } })
    await ended(warmUp + 2 * count)
  })
  await worker.stop()
  const sleeper = await startWorker(world, prefix, `io:${count}`)
  const running = await growth(redis, count, async () => {
    await submit({ type: 'hang', input })
    await until(redis, count, (of) => of.llen(keys.bull('io', 'active')))
  })
  await sleeper.stop()
  return { queued, ended: queued + endedMore, running, withEvents }
}

/** Each from an empty Redis that knows the scripts, so that each has its part of the queue's stream of events. */
async function rawBytes(world: World, count: number) {
  const { redis } = world
  await configure(redis, 0)
  const env = { REDIS_URL: world.redisUrl, KEY_PREFIX: 'raw', DATA: JSON.stringify(input) }
  const call = remote<RawCaller>((await world.start('bench/peers/raw/caller.ts', env)).child)
  const start = (file: string, jobs: number) => world.start(file, { ...env, CONCURRENCY: String(jobs) })
  const ended = (least: number) => until(redis, least, (of) => of.zcard('raw:jobs:completed'))
  const worker = await start('bench/peers/by-hand/worker.ts', 100)
  await call('addBulk', { count: warmUp })
  await ended(warmUp)
  await redis.flushall()
  const endedBytes = await growth(redis, count, async () => {
    await call('addBulk', { count })
    await ended(count)
  })
  await worker.stop()
  await redis.flushall()
  const queued = await growth(redis, count, () => call('addBulk', { count }))
  const sleeper = await start('bench/peers/raw/sleeper.ts', count)
  const started = await growth(redis, count, () => until(redis, count, (of) => of.llen('raw:jobs:active')))
  await sleeper.stop()
  return { queued, ended: endedBytes, running: queued + started }
}
