import { type Remote, remote } from '../../remote.ts'
import type { World } from '../../world.ts'
import type { RawCaller } from './caller.ts'

/** Plain BullMQ: a process that adds and waits, and one with a Worker. It has no HTTP, so it is a yardstick but no peer. */
export interface Raw {
  call: Remote<RawCaller>
  endedKey: string
  /** Of the process that adds, and of the Worker's. */
  pids: number[]
  stop(): Promise<void>
}

/** Starts both processes on the Redis of `world`, with keys under `prefix`. */
export async function startRaw(
  world: World,
  prefix: string,
  concurrency: number,
  more: Record<string, string> = {},
): Promise<Raw> {
  const env = { REDIS_URL: world.redisUrl, KEY_PREFIX: prefix, CONCURRENCY: String(concurrency), ...more }
  const caller = await world.start('bench/peers/raw/caller.ts', env)
  const worker = await world.start('bench/peers/by-hand/worker.ts', env)
  return {
    call: remote<RawCaller>(caller.child),
    endedKey: `${prefix}:jobs:completed`,
    pids: [caller.pid, worker.pid],
    stop: async () => void (await Promise.all([worker.stop(), caller.stop()])),
  }
}
