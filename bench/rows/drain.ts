import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import drover from '../peers/drover/peer.ts'
import { findPeers, peerLines } from '../peers/find.ts'
import type { RunningPeer } from '../peers/peer.ts'
import { startRaw } from '../peers/raw/start.ts'
import type { World } from '../world.ts'
import { inTurns, type Row, scaled } from './row.ts'

const concurrency = 100
const pollMs = 20

export interface Drainable {
  endedKey: string
  hold: (held: boolean) => Promise<unknown>
  fill: (count: number) => Promise<number>
}

/**
 * Fills a paused queue, resumes it, waits until `count` jobs have ended, and pauses it again.
 *
 * @returns ms from the resume to the recorded end of the last of these jobs
 */
export async function drainMs(redis: Redis, { endedKey, hold, fill }: Drainable, count: number): Promise<number> {
  await hold(true)
  await fill(count)
  const before = await redis.zcard(endedKey)
  const from = Date.now()
  await hold(false)
  while ((await redis.zcard(endedKey)) < before + count) await sleep(pollMs)
  // The queue may hold more jobs than were added here: what counts is the end of job number `count`.
  const last = String(before + count - 1)
  const [, endedAt] = await redis.zrange(endedKey, last, last, 'WITHSCORES')
  await hold(true)
  return Number(endedAt) - from
}

/** A peer whose queue is filled over HTTP. */
export function drainable(world: World, { endedKey, hold, submit }: RunningPeer): Drainable {
  const fill = (count: number) => world.load('closedLoop', { call: submit, connections: 64, count })
  return { endedKey, hold, fill }
}

/** Jobs per second that one IO worker completes from a full queue. */
export const drain: Row = async (world, size) => {
  const count = scaled(20_000, size)
  const peers = await findPeers(world)
  const ours = await drover.start(world, 'drover', concurrency)
  const raw = await startRaw(world, 'raw', concurrency)
  const others = await Promise.all(peers.found.map((peer) => peer.start(world, peer.name, concurrency)))
  const sources = [
    drainable(world, ours),
    {
      endedKey: raw.endedKey,
      hold: (held: boolean) => raw.call('hold', { held }),
      fill: (jobs: number) => raw.call('addBulk', { count: jobs }),
    },
    ...others.map((peer) => drainable(world, peer)),
  ]
  const rate = (source: Drainable, jobs: number) => async () =>
    (jobs * 1000) / (await drainMs(world.redis, source, jobs))
  for (const source of sources) await rate(source, scaled(3000, size))()
  const [mine = [], plain = [], ...theirs] = await inTurns(
    size.rounds,
    sources.map((source) => rate(source, count)),
  )
  for (const running of [ours, raw, ...others]) await running.stop()
  const name = 'drain, jobs/s'
  return [
    { name, yardstick: 'raw Worker', ours: mine, theirs: plain, target: { of: 'ratio', atLeast: 0.85 } },
    ...peerLines(peers, { name, ours: mine, others: theirs, bound: { atLeast: 1.1 } }),
  ]
}
