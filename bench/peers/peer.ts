import type { Call } from '../load/generator.ts'
import type { BenchProcess } from '../processes.ts'
import type { World } from '../world.ts'

/**
 * A job service that the rows can drive. Each is a folder here whose `peer.ts` exports one as its default: how to start it, to
 * submit a job, and to submit a job and wait for it. Its job returns its input.
 */
export interface Peer {
  name: string
  /** The reason why it cannot run here, or undefined. */
  missing(): string | undefined
  /** Starts an API and one worker of this concurrency on the Redis of `world`, with keys under `prefix`. */
  start(world: World, prefix: string, concurrency: number): Promise<RunningPeer>
}

export interface RunningPeer {
  readonly api: BenchProcess
  readonly worker: BenchProcess
  readonly submit: Call
  /** Undefined: it has no request that waits for the result. */
  readonly wait?: Call
  /** A request with so many jobs. Undefined: it has none. */
  readonly batch?: (jobs: number) => Call
  /** Redis key of the sorted set of its ended jobs by the time of their end. */
  readonly endedKey: string
  /** Pauses its queue, or resumes it. */
  hold: (held: boolean) => Promise<void>
  stop(): Promise<void>
}
