import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Relief } from '../admission/admission.ts'
import type { MemoryWatch } from '../admission/memory-watch.ts'
import { bytesAbove, memoryShares, type NodeMemory, type RedisMemory } from '../admission/redis-memory.ts'
import type { EndKind, EvictionSource } from '../model/eviction.ts'
import { monotonicMs } from '../model/monotonic.ts'
import { redisNow } from '../model/redis-time.ts'
import { isCluster, type Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { Lease } from '../redis/lease.ts'
import { describeFill, type Fill } from './describe-fill.ts'
import { EvictionRound } from './eviction-round.ts'
import { measureBytes, type StoredBytes } from './measure-bytes.ts'
import type { EvictionStep } from './oldest-first.ts'
import { aboveLimits, type ResultLimits } from './result-limits.ts'
import { TenantBytes } from './tenant-bytes.ts'
import { TenantReaders } from './tenant-readers.ts'

/** How often the memory is looked at: seldom where Redis has a lot of it. */
const lookMs = { far: 2000, near: 250 }
const nearShare = 0.5
const leaseMs = 5000
/** Where nothing can be evicted, it is tried again after so long. */
const triedMs = 200
/** What fills Redis is described by a measurement that is no older. */
const describedMs = 1000
/** Bounds of one call to Redis. */
const stepMax = { jobs: 25, bytes: 8 * 1024 * 1024 }
/** Bytes of results are measured as often where they have a limit. */
const limitedMs = 5000
const logEveryMs = 10_000
/** How long a submission waits for room. */
const roomWithinMs = 3000

export interface EvictorOptions {
  redis: Redis
  keys: Keys
  queues: readonly string[]
  sources: readonly EvictionSource[]
  memory: RedisMemory
  watch: MemoryWatch
  /** An ended job is kept for as long in any case. */
  resultMinMs: number
  limits?: ResultLimits
  log: Logger
  /** Called when jobs, or flows with their jobs, were evicted. */
  onEvicted?: (kind: EndKind, count: number) => void
}

/**
 * Lets results give way before work is refused: while Redis is above {@link memoryShares}`.high`, the oldest ended jobs of the tenant with most
 * bytes are removed. One process at a time does it, and each process where a submission would be refused: two at once do no harm.
 */
export class Evictor implements Relief {
  readonly #options: EvictorOptions
  readonly #lease: Lease
  readonly #tenantBytes: TenantBytes
  readonly #readers: TenantReaders
  #evicted = { count: 0, loggedAt: Number.NEGATIVE_INFINITY }
  #timer: NodeJS.Timeout | undefined
  #isStarted = false
  #looking: Promise<void> | undefined
  #round: Promise<EvictionRound> | undefined
  #making: Promise<boolean> = Promise.resolve(true)
  #failedAt = Number.NEGATIVE_INFINITY
  #filled: { at: number; fill: Promise<Fill> } | undefined
  #described: { at: number; stored: Promise<StoredBytes> } | undefined

  constructor(options: EvictorOptions) {
    this.#options = options
    this.#lease = new Lease({ redis: options.redis, key: options.keys.evictionLease, ms: leaseMs })
    this.#readers = new TenantReaders(options.resultMinMs)
    this.#tenantBytes = new TenantBytes({ ...options, onEvicted: (step) => this.#count(step) })
  }

  /** May be called twice. */
  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#lookSoon(0)
  }

  /** Resolves when the look under way has ended. May be called twice. */
  async stop(): Promise<void> {
    this.#isStarted = false
    clearTimeout(this.#timer)
    await this.#looking
  }

  #lookSoon(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => {
        const { used, limit } = this.#options.memory.fullest
        if (this.#isStarted) this.#lookSoon(used > limit * nearShare && limit > 0 ? lookMs.near : lookMs.far)
      })
    }, ms)
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { memory, watch, log } = this.#options
    try {
      await memory.refresh(lookMs.near)
      watch.look()
      const isHigh = bytesAbove(memory.fullest, memoryShares.high) > 0
      if (!(isHigh || this.#options.limits) || !(await this.#lease.hold())) return
      if (isHigh) await this.#relieve((node) => bytesAbove(node, memoryShares.evicted), monotonicMs() + leaseMs / 2)
      watch.look()
      if (this.#options.limits) await this.#keepTo(this.#options.limits, leaseMs / 2)
    } catch (error) {
      log.debug({ err: error }, 'failed to evict ended jobs; the next look retries')
    }
  }

  /** Evicts until so many bytes can be added. @returns false when there is no more to evict. @throws QueueUnavailableError */
  async makeRoom(bytes: number): Promise<boolean> {
    // From now on, not from when those before it are done.
    const until = monotonicMs() + roomWithinMs
    const make = async () => {
      // Thousands of submissions may be refused in a second.
      if (monotonicMs() - this.#failedAt < triedMs || monotonicMs() >= until) return false
      const excess = (node: NodeMemory) =>
        bytesAbove({ ...node, used: node.used + this.#options.memory.taken + bytes }, memoryShares.full)
      const isMade = await this.#relieve(excess, until)
      if (!isMade) this.#failedAt = monotonicMs()
      return isMade
    }
    this.#making = this.#making.then(make, make)
    return this.#making
  }

  /** Takes so many bytes of what a tenant may store. Its own results give way first. @returns false when there is no room. @throws QueueUnavailableError */
  takeOfTenant(tenant: string, max: number, bytes: number): Promise<boolean> {
    return this.#tenantBytes.take(tenant, max, bytes)
  }

  /** How many more bytes a tenant may take before results give way. @throws QueueUnavailableError */
  roomOfTenant(tenant: string, max: number): Promise<number> {
    return this.#tenantBytes.room(tenant, max)
  }

  /** See {@link Relief.isStuck}. Its last results can give way when they are `resultMinMs` old. */
  isStuck(tenant: string, waitedMs: number): boolean {
    return waitedMs > this.#options.resultMinMs && !this.#tenantBytes.hasOpen(tenant)
  }

  /** Gives back what was taken of a tenant and is not stored. */
  giveBackOfTenant(tenant: string, bytes: number): void {
    this.#tenantBytes.giveBack(tenant, bytes)
  }

  /** See {@link describeFill}. @throws QueueUnavailableError */
  describe(): Promise<Fill> {
    const { memory, resultMinMs, redis, keys, queues } = this.#options
    if (this.#filled && monotonicMs() - this.#filled.at < triedMs) return this.#filled.fill
    const describe = async () => {
      if (!this.#described || monotonicMs() - this.#described.at > describedMs) {
        const stored = measureBytes({ redis, keys }, queues, redisNow() - resultMinMs)
        const described = { at: monotonicMs(), stored }
        this.#described = described
        stored.catch(() => {
          if (this.#described === described) this.#described = undefined
        })
      }
      const stored = await this.#described.stored
      return describeFill({ redis, keys, queues }, memory.fullest, stored, resultMinMs)
    }
    this.#filled = { at: monotonicMs(), fill: describe() }
    return this.#filled.fill
  }

  /** Evicts until no node has an excess. @returns false when it has one, and there is no more to evict, or no more time */
  async #relieve(excessOf: (node: NodeMemory) => number, until: number): Promise<boolean> {
    let isRelieved = false
    while (monotonicMs() < until) {
      const { sources, excess } = await this.#excess(excessOf)
      isRelieved = excess === 0
      if (isRelieved) break
      const round = await this.#currentRound()
      const step = await round.step(sources, { ...stepMax, bytes: Math.min(excess, stepMax.bytes) }, until)
      if (!step) break
      this.#count(step)
    }
    return isRelieved
  }

  /** Evicts what is above the limits of all results. */
  async #keepTo(limits: ResultLimits, withinMs: number): Promise<void> {
    const until = monotonicMs() + withinMs
    while (monotonicMs() < until) {
      const round = await this.#currentRound(limits.maxBytes === undefined ? undefined : limitedMs)
      const { jobs, bytes } = await aboveLimits(this.#options, round, limits)
      if (jobs === 0 && bytes === 0) return
      const max = {
        jobs: bytes > 0 ? stepMax.jobs : Math.min(jobs, stepMax.jobs),
        bytes: jobs > 0 ? stepMax.bytes : Math.min(bytes, stepMax.bytes),
      }
      const step = await round.step([...this.#options.sources], max, until)
      if (!step) return
      this.#count(step)
    }
  }

  #count({ kind, removed }: EvictionStep): void {
    if (removed === 0) return
    this.#options.onEvicted?.(kind, removed)
    this.#evicted.count += removed
    if (this.#evicted.count === 0 || monotonicMs() - this.#evicted.loggedAt < logEveryMs) return
    this.#options.log.info({ evicted: this.#evicted.count }, 'evicted ended jobs before their time')
    this.#evicted = { count: 0, loggedAt: monotonicMs() }
  }

  /** The sources at nodes that have an excess, and the largest one. */
  async #excess(excessOf: (node: NodeMemory) => number): Promise<{ sources: EvictionSource[]; excess: number }> {
    const { sources, memory, redis } = this.#options
    const all = [...sources]
    const keys = isCluster(redis) ? all.map(({ key }) => key) : all.slice(0, 1).map(({ key }) => key)
    let nodes = await Promise.all(keys.map((key) => memory.ofNode(key)))
    for (let tries = 0; tries < 5 && nodes.some(({ isFreeing }) => isFreeing); tries++) {
      await pause(5)
      nodes = await Promise.all(keys.map((key) => memory.ofNode(key)))
    }
    const excesses = nodes.map(excessOf)
    const excess = Math.max(0, ...excesses)
    const above = all.filter(({ isOfFlows }, n) => (isOfFlows ? excess : (excesses[n] ?? 0)) > 0)
    return { sources: isCluster(redis) ? above : all, excess }
  }

  /** A round, renewed when its measurement is too old. */
  async #currentRound(maxAgeMs = Number.POSITIVE_INFINITY): Promise<EvictionRound> {
    const round = await this.#round?.catch(() => undefined)
    if (round && !round.isOver && round.ageMs < maxAgeMs) return round
    this.#round = EvictionRound.begin({ ...this.#options, readers: this.#readers })
    return this.#round
  }
}
