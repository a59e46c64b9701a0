import type { Call } from '../load/generator.ts'
import type { BenchProcess } from '../processes.ts'
import type { World } from '../world.ts'

/**
 * A job service that the rows can drive. Each is a folder here with a `peer.ts` that exports one as its default: how it is
 * started, how a job is submitted, how one is submitted and waited for. Its job returns its input.
 */
export interface Peer {
  name: string
  /** Why it cannot run here; undefined: it can. */
  missing(): string | undefined
  /** Starts an API and one worker that takes `concurrency` jobs at once, on the Redis of `world` below `prefix`. */
  start(world: World, prefix: string, concurrency: number): Promise<RunningPeer>
}

export interface RunningPeer {
  readonly api: BenchProcess
  readonly worker: BenchProcess
  readonly submit: Call
  readonly wait: Call
  /** Redis key of the sorted set of its ended jobs, by when they ended. */
  readonly endedKey: string
  /** Lets its workers take no more jobs, or lets them again. */
  hold: (held: boolean) => Promise<void>
  stop(): Promise<void>
}
