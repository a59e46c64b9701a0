import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { isCluster, isOutage, type Redis, type Server } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const popMarkers = loadScript('bullmq/pop-markers')

/** What wakes idle workers of a queue; `score` is when a delayed job is due, in epoch ms, or 0. */
export interface Marker {
  member: string
  score: number
}

/** One blocking call lasts so long; a connection that has not answered by a second later is replaced. */
const callS = 5
const lateMs = 1000
/** A queue that got its marker usually waits again within this time: so long the call for the others waits for it. */
const rejoinMs = 2
const retryAfterMs = { transient: 250, other: 5000 }
/** If this process dies before it takes the key that wakes it. */
const wakeKeyMs = 60_000

export interface MarkerWaitOptions {
  /** The connection for commands. */
  redis: Redis
  /** By this name tools find the blocking connection. */
  connectionName: string
  /** A key of this process's own, in the database of the queues. */
  wakeKey: string
  /** Redis has refused a call; it is tried again. */
  onError: (error: unknown) => void
}

/**
 * One for all queues of a worker. In a cluster there is none: each queue has a connection of its own, since the markers are in different slots.
 * BullMQ's tools find the worker at the first of its queues, since a connection has one name.
 */
export function openMarkers(options: {
  redis: Redis
  keys: Keys
  queues: readonly string[]
  workerName: string
  onError: (error: unknown) => void
}): MarkerWait | undefined {
  const { redis, keys, queues, workerName, onError } = options
  const [first] = queues
  if (isCluster(redis) || first === undefined) return undefined
  const connectionName = workerConnectionName(keys, first, workerName)
  return new MarkerWait({ redis, connectionName, wakeKey: keys.wake(randomUUID()), onError })
}

/** By this name of a connection BullMQ's tools list the workers of a queue. */
export const workerConnectionName = (keys: Keys, queue: string, workerName: string): string =>
  `${keys.bullPrefix(queue)}:${Buffer.from(queue).toString('base64')}:w:${workerName}`

/** A marker with its key: as BZPOPMIN answers, and of each one pop-markers.lua. */
type Popped = [key: string, member: string, score: string]
const poppedSchema = z.array(z.tuple([z.string(), z.string(), z.string()]))

interface Waiting {
  resolve: (marker: Marker | null) => void
  timer: NodeJS.Timeout
}

/**
 * Waits for BullMQ's markers of all queues of a worker by one blocking connection. A call waits for the queues that wait when it begins; one
 * that waits later ends the call by a key of this process, and the next call has it, too. A marker that comes when its queue does not wait any
 * more is given back: another worker may take the job.
 */
export class MarkerWait {
  readonly #options: MarkerWaitOptions
  readonly #blocking: Server
  /** By the key of the marker. The one that got a marker last comes last: Redis takes the first that has one. */
  readonly #waiting = new Map<string, Waiting>()
  /** The keys of the call under way. */
  #called: ReadonlySet<string> | undefined
  #isWoken = false
  /** A call is about to begin. */
  #planned: NodeJS.Immediate | undefined
  /** The key of the marker that came last. */
  #last: string | undefined
  /** The markers of all that wait are fetched: no call begins. */
  #isPopping = false
  #rejoin: { keys: Set<string>; timer: NodeJS.Timeout } | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: MarkerWaitOptions & { redis: Server }) {
    this.#options = options
    const { redis, connectionName } = options
    // It connects with the first call, and repeats a call on the connection that replaces a lost one.
    this.#blocking = redis.duplicate({ connectionName, lazyConnect: true })
    // The connection for commands reports an outage.
    this.#blocking.on('error', () => undefined)
  }

  /** Resolves to the marker of a queue, or to null after `timeoutMs` or {@link leave}. One wait for each key at a time. Never rejects. */
  wait(key: string, timeoutMs: number): Promise<Marker | null> {
    if (this.#isClosed) return Promise.resolve(null)
    const { promise, resolve } = Promise.withResolvers<Marker | null>()
    const timer = setTimeout(() => this.#end(key, null), timeoutMs)
    this.#waiting.set(key, { resolve, timer })
    if (this.#rejoin?.keys.delete(key) && this.#rejoin.keys.size === 0) this.#endRejoin()
    this.#call()
    return promise
  }

  /** Ends the wait of a queue. */
  leave(key: string): void {
    if (!this.#waiting.has(key)) return
    this.#end(key, null)
    // It must not take markers from other workers.
    this.#wake()
  }

  /** From then on a wait ends at once. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Ends all waits. May be called twice. */
  close(): void {
    this.#isClosed = true
    for (const key of [...this.#waiting.keys()]) this.#end(key, null)
    this.#endRejoin()
    clearTimeout(this.#retry)
    clearImmediate(this.#planned)
    this.#blocking.disconnect()
  }

  #end(key: string, marker: Marker | null): boolean {
    const waiting = this.#waiting.get(key)
    if (!waiting) return false
    this.#waiting.delete(key)
    clearTimeout(waiting.timer)
    waiting.resolve(marker)
    return true
  }

  /**
   * Begins a call for all that wait, or ends the one that is under way without one of them. The call begins behind this turn of the event loop: a
   * queue waits on when its jobs start, and their ends are not to wait for the system call that this takes. While a handler blocks the event loop,
   * other workers get the markers.
   */
  #call(): void {
    if (!this.#mayCall) return
    if (!this.#called) this.#planned ??= setImmediate(() => this.#begin())
    else if ([...this.#waiting.keys()].some((key) => !this.#called?.has(key))) this.#wake()
  }

  get #mayCall(): boolean {
    return !(this.#isClosed || this.#isPopping || this.#rejoin || this.#retry) && this.#waiting.size > 0
  }

  #begin(): void {
    this.#planned = undefined
    if (this.#mayCall && !this.#called) void this.#block()
  }

  #wake(): void {
    if (!this.#called || this.#isWoken) return
    this.#isWoken = true
    const { redis, wakeKey, onError } = this.#options
    Promise.all([redis.zadd(wakeKey, 0, '0'), redis.pexpire(wakeKey, wakeKeyMs)]).catch((error: unknown) => {
      if (!this.#isClosed) onError(error)
    })
  }

  async #block(): Promise<void> {
    const keys = [...this.#waiting.keys()]
    this.#called = new Set(keys)
    this.#isWoken = false
    const watchdog = setInterval(
      () => {
        // While it connects, it does so by itself.
        if (this.#blocking.status === 'ready') this.#blocking.disconnect(true)
      },
      callS * 1000 + lateMs,
    )
    try {
      const popped = await this.#blocking.bzpopmin(this.#options.wakeKey, ...keys, callS)
      this.#called = undefined
      if (popped && popped[0] !== this.#options.wakeKey) await this.#onPopped(popped)
    } catch (error) {
      this.#called = undefined
      this.#onFailed(error)
    } finally {
      clearInterval(watchdog)
    }
    this.#call()
  }

  async #onPopped(first: Popped): Promise<void> {
    const [key] = first
    const got = this.#handOut(first) ? [key] : []
    const isOfAnother = this.#last !== undefined && this.#last !== key
    this.#last = key
    // Markers of different queues in a row: jobs may have come to many at one moment, which would start one round trip after the other.
    if (isOfAnother) got.push(...(await this.#popOthers()))
    const missing = new Set(got.filter((one) => !this.#waiting.has(one)))
    if (this.#isClosed || missing.size === 0 || this.#waiting.size === 0) return
    this.#rejoin = { keys: missing, timer: setTimeout(() => this.#endRejoin(), rejoinMs) }
  }

  /** Hands out the markers that the other queues have by now. @returns the keys of those that got one */
  async #popOthers(): Promise<string[]> {
    const keys = [...this.#waiting.keys()]
    if (this.#isClosed || keys.length === 0) return []
    this.#isPopping = true
    try {
      const popped = poppedSchema.parse(await popMarkers(this.#options.redis, keys, []))
      return popped.filter((marker) => this.#handOut(marker)).map(([key]) => key)
    } finally {
      this.#isPopping = false
    }
  }

  /** @returns false where the queue does not wait any more: the marker goes back then */
  #handOut([key, member, score]: Popped): boolean {
    if (this.#end(key, { member, score: Number.parseInt(score, 10) })) return true
    const { redis, onError } = this.#options
    redis.zadd(key, 'LT', score, member).catch(onError)
    return false
  }

  #endRejoin(): void {
    clearTimeout(this.#rejoin?.timer)
    this.#rejoin = undefined
    this.#call()
  }

  #onFailed(error: unknown): void {
    if (this.#isClosed) return
    const isPassing = isOutage(error)
    if (!isPassing) this.#options.onError(error)
    const ms = isPassing ? retryAfterMs.transient : retryAfterMs.other
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#call()
    }, ms)
  }
}
