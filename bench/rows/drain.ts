import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import drover from '../peers/drover/peer.ts'
import { findPeers } from '../peers/find.ts'
import type { RunningPeer } from '../peers/peer.ts'
import { startRaw } from '../peers/raw/start.ts'
import type { World } from '../world.ts'
import { inTurns, type Row, scaled } from './row.ts'

const concurrency = 100
const lookEveryMs = 20

interface Drainable {
  endedKey: string
  hold: (held: boolean) => Promise<unknown>
  fill: (count: number) => Promise<number>
}

/**
 * Fills a queue while its workers hold, lets them go, waits for the end of `count` jobs, and lets them hold again.
 *
 * @returns ms from then until the last of them ended, by its own word
 */
export async function drainMs(redis: Redis, { endedKey, hold, fill }: Drainable, count: number): Promise<number> {
  await hold(true)
  await fill(count)
  const before = await redis.zcard(endedKey)
  const from = Date.now()
  await hold(false)
  while ((await redis.zcard(endedKey)) < before + count) await sleep(lookEveryMs)
  // There may be more than were filled in: the end of the last that counts, not of the last.
  const last = String(before + count - 1)
  const [, endedAt] = await redis.zrange(endedKey, last, last, 'WITHSCORES')
  await hold(true)
  return Number(endedAt) - from
}

/** A peer, filled over HTTP. */
export function drainable(world: World, { endedKey, hold, submit }: RunningPeer): Drainable {
  const fill = (count: number) => world.load('closedLoop', { call: submit, connections: 64, count })
  return { endedKey, hold, fill }
}

/** Jobs per second that one IO worker ends, of a queue that is full. */
export const drain: Row = async (world, size) => {
  const count = scaled(20_000, size)
  const { found, skipped } = await findPeers()
  const ours = await drover.start(world, 'drover', concurrency)
  const raw = await startRaw(world, 'raw', concurrency)
  const peers = await Promise.all(found.map((peer) => peer.start(world, peer.name, concurrency)))
  const sources = [
    drainable(world, ours),
    {
      endedKey: raw.endedKey,
      hold: (held: boolean) => raw.call('hold', { held }),
      fill: (jobs: number) => raw.call('addBulk', { count: jobs }),
    },
    ...peers.map((peer) => drainable(world, peer)),
  ]
  const rate = (source: Drainable, jobs: number) => async () =>
    (jobs * 1000) / (await drainMs(world.redis, source, jobs))
  for (const source of sources) await rate(source, scaled(3000, size))()
  const [mine = [], plain = [], ...others] = await inTurns(
    size.rounds,
    sources.map((source) => rate(source, count)),
  )
  for (const running of [ours, raw, ...peers]) await running.stop()
  const name = 'drain, jobs/s'
  return [
    { name, yardstick: 'raw Worker', ours: mine, theirs: plain, target: { of: 'ratio', atLeast: 0.85 } },
    ...found.map((peer, n) => ({
      name,
      yardstick: peer.name,
      ours: mine,
      theirs: others[n] ?? [],
      target: { of: 'ratio' as const, atLeast: 1.1 },
    })),
    ...skipped.map((why) => ({ name, skipped: why })),
  ]
}
