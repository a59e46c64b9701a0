import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Logger } from 'pino'
import type { Registry } from '../jobs/registry.ts'
import type { JobConsumer } from '../queue/consume/job-consumer.ts'

/** A turn of the event loop that is longer than this is somebody's fault. */
const blockedMs = 250
const lookEveryMs = 1000
/** How often the monitor measures. */
const resolutionMs = 20
const mostNamed = 5

/**
 * Warns when a turn of the worker's event loop takes too long, and names the job types that ran on it then. Their
 * `runsOn` should be `thread`. @returns stops it
 */
export function watchEventLoop(consumers: JobConsumer[], registry: Registry, log: Logger): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  let suspects = new Set<string>()
  const look = () => {
    const longestMs = Math.round(delay.max / 1e6)
    delay.reset()
    const running = runningOnTheLoop(consumers, registry)
    // Whoever blocked may have ended by the time of this look, so those of the look before are named too.
    const named = [...suspects.union(running)].slice(0, mostNamed)
    suspects = running
    if (longestMs > blockedMs) log.warn({ blocked_ms: longestMs, job_types: named }, 'a handler blocked the event loop')
  }
  // Behind a turn that was blocked the monitor comes first: a reset drops what it has not measured yet.
  let soon: NodeJS.Timeout | undefined
  const timer = setInterval(() => {
    soon = setTimeout(look, 2 * resolutionMs)
  }, lookEveryMs)
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

/** Whether a consumer takes jobs. It is wedged when, at several looks in a row, jobs wait, it has room, and it took none. */
export class ConsumerVigil {
  readonly #consumers: { consumer: JobConsumer; claims: number; idleLooks: number }[]
  readonly #options: { everyMs: number; onWedged: (queue: string) => void }
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #wedged: string | undefined

  constructor(consumers: JobConsumer[], options: { everyMs: number; onWedged: (queue: string) => void }) {
    this.#consumers = consumers.map((consumer) => ({ consumer, claims: 0, idleLooks: 0 }))
    this.#options = options
  }

  /** The queue whose consumer is wedged, if one is. */
  get wedged(): string | undefined {
    return this.#wedged
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      // A look that waits for Redis is the only one: several that end at once would count as several.
      if (!this.#isLooking) void this.#lookAtAll()
    }, this.#options.everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #lookAtAll(): Promise<void> {
    this.#isLooking = true
    await Promise.all(this.#consumers.map((watched) => this.#look(watched)))
    this.#isLooking = false
  }

  async #look(watched: { consumer: JobConsumer; claims: number; idleLooks: number }): Promise<void> {
    const { consumer, claims } = watched
    const shouldTake = await consumer.hasWork()
    const isIdle = shouldTake && !consumer.isFull && consumer.claims === claims
    watched.claims = consumer.claims
    watched.idleLooks = isIdle ? watched.idleLooks + 1 : 0
    if (watched.idleLooks < mostIdleLooks || this.#wedged !== undefined) return
    this.#wedged = consumer.queue
    this.#options.onWedged(consumer.queue)
  }
}

const mostIdleLooks = 3
