import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Logger } from 'pino'
import type { Registry } from '../jobs/registry.ts'
import type { JobConsumer } from '../queue/consume/job-consumer.ts'
import { blockedMs, type LoopBlocker } from '../queue/consume/loop-blocker.ts'

const checkIntervalMs = 1000
/** Sampling interval of the monitor. */
const resolutionMs = 20
const maxNamedTypes = 5
/** A consumer is stuck after this many idle checks in a row. */
const maxIdleChecks = 3

/**
 * Warns when a tick of the worker's event loop takes too long, and names the job that ran on it. Its type should use
 * `runsOn: 'thread'`. Where nobody knows the job, it names the types that may have. @returns a function that stops it
 */
export function watchEventLoop(
  consumers: JobConsumer[],
  { registry, blocker, log }: { registry: Registry; blocker: LoopBlocker; log: Logger },
): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  let previous = new Set<string>()
  const check = () => {
    const longestMs = Math.round(delay.max / 1e6)
    delay.reset()
    const running = runningOnTheLoop(consumers, registry)
    // The handler that blocked may have ended since, so the types of the previous check are named too.
    const named = [...previous.union(running)].slice(0, maxNamedTypes)
    previous = running
    if (longestMs <= blockedMs) return
    const job = blocker.take()
    const who = job ? { job: job.id, job_types: [job.type] } : { job_types: named }
    log.warn(
      { blocked_ms: longestMs, ...who },
      job ? 'a handler blocked the event loop' : 'the event loop was blocked, maybe by a handler of these types',
    )
  }
  // After a blocked tick the monitor must measure first: a reset drops what it has not measured yet.
  let soon: NodeJS.Timeout | undefined
  const timer = setInterval(() => {
    soon = setTimeout(check, 2 * resolutionMs)
  }, checkIntervalMs)
  return () => {
    clearInterval(timer)
    clearTimeout(soon)
    delay.disable()
  }
}

function runningOnTheLoop(consumers: JobConsumer[], registry: Registry): Set<string> {
  const types = consumers.flatMap((consumer) => [...consumer.recentTypes()])
  return new Set(types.filter((type) => registry.get(type)?.job.runsOn === 'event-loop'))
}

/** Detects a stuck consumer: in several checks in a row jobs wait, it has free slots, and it took none. */
export class ConsumerWatchdog {
  readonly #consumers: { consumer: JobConsumer; fetches: number; idleChecks: number }[]
  readonly #options: { everyMs: number; onStuck: (queue: string) => void }
  #timer: NodeJS.Timeout | undefined
  #isChecking = false
  #stuckQueue: string | undefined

  constructor(consumers: JobConsumer[], options: { everyMs: number; onStuck: (queue: string) => void }) {
    this.#consumers = consumers.map((consumer) => ({ consumer, fetches: 0, idleChecks: 0 }))
    this.#options = options
  }

  /** The queue whose consumer is stuck, if one is. */
  get stuckQueue(): string | undefined {
    return this.#stuckQueue
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      // A check may wait for Redis. Only one runs at a time: several that ended together would count several times.
      if (!this.#isChecking) void this.#checkAll()
    }, this.#options.everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #checkAll(): Promise<void> {
    this.#isChecking = true
    await Promise.all(this.#consumers.map((watched) => this.#check(watched)))
    this.#isChecking = false
  }

  async #check(watched: { consumer: JobConsumer; fetches: number; idleChecks: number }): Promise<void> {
    const { consumer, fetches } = watched
    const shouldTake = await consumer.hasWork()
    const isIdle = shouldTake && !consumer.isFull && consumer.fetches === fetches
    watched.fetches = consumer.fetches
    watched.idleChecks = isIdle ? watched.idleChecks + 1 : 0
    if (watched.idleChecks < maxIdleChecks || this.#stuckQueue !== undefined) return
    this.#stuckQueue = consumer.queue
    this.#options.onStuck(consumer.queue)
  }
}
