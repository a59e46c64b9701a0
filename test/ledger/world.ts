import { randomUUID } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { InstalledRedis } from '../../src/dev/find-redis.ts'
import { type OwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import type { OnClose } from '../topology/sentinels.ts'
import { type RoleProcess, startRole } from './role-process.ts'
import { seededRandom } from './seeded-random.ts'

export interface WorldOptions {
  apis?: number
  workers?: number
  lockMs?: number
  env?: Record<string, string>
  /** More settings of Redis, as on its command line. */
  redis?: readonly string[]
  /** Finds the server to run in place of the Redis that is installed. */
  server?: () => InstalledRedis | undefined
  /** Starts another Redis than the world's own, for all processes. `onClose` gets what stops it. Resolves to its REDIS_URL. */
  topology?: (onClose: OnClose) => Promise<string>
}

/** A fault that was caused, in epoch ms. */
export interface Fault {
  from: number
  until: number
}

/** The processes of a row: its own Redis with an append-only file (fsync every second), APIs and workers. */
export class World {
  readonly random: () => number
  readonly redis: OwnRedis
  /** A connection for what an operator would do. */
  readonly admin: Redis
  /** The file that handlers append their starts and ends to. */
  readonly ledger: string
  readonly env: Record<string, string>
  readonly apis: RoleProcess[] = []
  readonly workers: RoleProcess[] = []
  readonly faults: Fault[] = []
  readonly #dir: string
  readonly #proxies: TcpProxy[] = []
  readonly #closers: (() => unknown)[] = []
  readonly #restarts = new Set<Promise<void>>()
  #isClosing = false
  #turn = 0

  private constructor(parts: { redis: OwnRedis; dir: string; seed: number; env: Record<string, string> }) {
    this.redis = parts.redis
    this.#dir = parts.dir
    this.random = seededRandom(parts.seed)
    this.ledger = join(parts.dir, 'ledger.jsonl')
    closeSync(openSync(this.ledger, 'a'))
    this.env = parts.env
    this.admin = new Redis(parts.redis.url, { maxRetriesPerRequest: null })
    // Expected while a row stops Redis.
    this.admin.on('error', () => undefined)
  }

  /** Starts what `options` say. Close it. */
  static async open(options: WorldOptions & { seed: number }): Promise<World> {
    const { apis = 1, workers = 2, lockMs = 2000, seed } = options
    const dir = await mkdtemp(join(tmpdir(), 'drover-faults-'))
    const redis = await startOwnRedis(['--appendfsync', 'everysec', ...(options.redis ?? [])], options.server?.())
    const env = {
      REDIS_URL: redis.url,
      KEY_PREFIX: `faults-${randomUUID().slice(0, 8)}`,
      JOBS_DIR: join(import.meta.dirname, 'fixtures'),
      LOCK_MS: String(lockMs),
      SHUTDOWN_GRACE_MS: '500',
      WORKER_QUEUES: 'io:50,cpu:2',
      WORKER_PORT: '0',
      PORT: '0',
      EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
      ...options.env,
    }
    const world = new World({ redis, dir, seed, env })
    if (options.topology) env.REDIS_URL = await options.topology((close) => world.onClose(close))
    // All have started or failed before the world is closed, which ends those that it knows.
    const starts = await Promise.allSettled([
      ...Array.from({ length: apis }, () => world.startApi()),
      ...Array.from({ length: workers }, () => world.startWorker()),
    ])
    const failed = starts.find((start) => start.status === 'rejected')
    if (!failed) return world
    await world.close()
    throw failed.reason
  }

  /** `code` is the root of another version. */
  async startApi(more: Record<string, string> = {}, code?: URL): Promise<RoleProcess> {
    const api = await startRole('api', { ...this.env, ...more }, code)
    this.apis.push(api)
    return api
  }

  /** `code` is the root of another version. */
  async startWorker(more: Record<string, string> = {}, code?: URL): Promise<RoleProcess> {
    const worker = await startRole('worker', { ...this.env, ...more }, code)
    this.workers.push(worker)
    return worker
  }

  /** The address of a living API, one after the other. */
  get apiUrl(): string {
    const living = this.apis.filter(({ hasEnded }) => !hasEnded)
    return living[this.#turn++ % living.length]?.url ?? 'http://127.0.0.1:1'
  }

  get livingWorkers(): RoleProcess[] {
    return this.workers.filter(({ hasEnded }) => !hasEnded)
  }

  /** Starts a worker for each that ends, as a supervisor does, until the world closes. */
  supervise(): void {
    const watch = async (worker: RoleProcess): Promise<void> => {
      await worker.ended
      // A job may take the next one along before it is ready.
      while (!this.#isClosing) {
        const next = await this.startWorker().catch(() => undefined)
        if (next) return watch(next)
      }
    }
    for (const worker of this.livingWorkers) {
      const done: Promise<void> = watch(worker).finally(() => this.#restarts.delete(done))
      this.#restarts.add(done)
    }
  }

  /** A proxy before Redis, and the environment of a process that reaches Redis through it. */
  async proxy(): Promise<{ proxy: TcpProxy; env: Record<string, string> }> {
    const proxy = await TcpProxy.open(this.redis.port)
    this.#proxies.push(proxy)
    return { proxy, env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } }
  }

  /** Causes a fault, and notes when. */
  async fault(act: () => unknown): Promise<void> {
    const fault = { from: Date.now(), until: Infinity }
    this.faults.push(fault)
    await act()
    fault.until = Date.now()
  }

  /** Calls `close` when the world closes. */
  onClose(close: () => unknown): void {
    this.#closers.push(close)
  }

  /** Kills every process and removes what was stored. */
  async close(): Promise<void> {
    this.#isClosing = true
    const kill = () =>
      Promise.all(
        [...this.apis, ...this.workers].map(async (role) => {
          role.signal('SIGCONT')
          role.signal('SIGKILL')
          await role.ended
        }),
      )
    await kill()
    await Promise.all(this.#restarts)
    await kill()
    for (const close of this.#closers.toReversed()) await close()
    this.admin.disconnect()
    for (const proxy of this.#proxies) await proxy.close()
    await this.redis.close()
    await rm(this.#dir, { recursive: true, force: true })
  }
}
