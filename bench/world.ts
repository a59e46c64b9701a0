import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { hashSecret } from '../src/api/access/keys-file.ts'
import { findRedisServer } from '../src/dev/find-redis.ts'
import { freePorts } from '../src/dev/free-ports.ts'
import { launchRedis, redisCommand } from '../src/dev/redis-process.ts'
import { untilReady } from '../src/dev/running.ts'
import type { Generator } from './load/generator.ts'
import { type BenchProcess, type Program, startProcess, startProgram } from './processes.ts'
import { type Remote, remote } from './remote.ts'

/** The durability of Redis in all rows. Without rewrites of the file, since one would disturb a single round. */
const durability = { appendfsync: 'everysec', 'auto-aof-rewrite-percentage': '0' }
export const durabilityText = 'append-only file, fsync every second, no rewrites, loopback'

/** What all rows share: the benchmark's own Redis, the load generator, a key for Drover's API. */
export interface World {
  readonly redisUrl: string
  readonly redis: Redis
  readonly redisVersion: string
  readonly load: Remote<Generator>
  readonly keysFile: string
  /** Another checkout of Drover to compare with, as an absolute path. */
  readonly base: string | undefined
  /** Whether other services are compared with, beside the one by hand. */
  readonly hasPeers: boolean
  /** Headers that Drover's API needs with each request. */
  readonly headers: { authorization: string; 'content-type': string }
  /** Starts a process of a row. `isProfiled`: it gets the profiler. `checkout`: the folder of its code (default: this one). */
  start(file: string, env: Record<string, string>, options?: StartOptions): Promise<BenchProcess>
  /** Starts a server of a peer. */
  startProgram(program: Program): Promise<BenchProcess>
  /** Stops the processes that a row has left, and deletes what it left in Redis. */
  clear(): Promise<void>
  close(): Promise<void>
}

interface StartOptions {
  isProfiled?: boolean
  checkout?: string | undefined
}

/** Starts Redis and the load generator. `nodeOptions` are for profiled processes. The data is deleted by `close`. */
export async function openWorld(options: {
  nodeOptions: readonly string[]
  base?: string | undefined
  hasPeers?: boolean
}): Promise<World> {
  const { nodeOptions, base, hasPeers = false } = options
  const installed = findRedisServer()
  if (!installed) throw new Error('no redis-server or valkey-server (7.0 or later) on PATH')
  const [port = 0] = await freePorts(1)
  const dir = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  const more = Object.entries(durability).flatMap(([name, value]) => [`--${name}`, value])
  const server = launchRedis(redisCommand({ command: installed.command, port, dir, appendOnly: true, more }), port)
  await untilReady(server, { name: 'Redis', withinMs: 10_000 })
  const redis = new Redis(server.url)

  const [id, secret] = ['bench', randomBytes(32).toString('base64url')]
  const keysFile = join(dir, 'keys.json')
  const key = { id, hash: hashSecret(secret), tenant: 'bench', scopes: ['admin'], expires_at: null }
  await writeFile(keysFile, JSON.stringify({ keys: [key] }), { mode: 0o600 })

  const generator = await startProcess('bench/load/generator.ts', {})
  const running = new Set<BenchProcess>()
  const keep = (started: BenchProcess) => {
    running.add(started)
    return started
  }
  const clear = async () => {
    await Promise.all(Array.from(running, (process) => process.stop()))
    running.clear()
    await redis.flushall()
  }
  return {
    redisUrl: server.url,
    redis,
    redisVersion: `${installed.command} ${installed.version}`,
    load: remote<Generator>(generator.child),
    keysFile,
    base,
    hasPeers,
    headers: { authorization: `Bearer ${id}.${secret}`, 'content-type': 'application/json' },
    async start(file, env, { isProfiled = false, checkout } = {}) {
      return keep(await startProcess(file, env, { nodeOptions: isProfiled ? nodeOptions : [], checkout }))
    },
    startProgram: async (program) => keep(await startProgram(program)),
    clear,
    async close() {
      await clear()
      await generator.stop()
      redis.disconnect()
      await server.stop(5000)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** CPU time of all threads of a process so far, in seconds (Linux: `schedstat`, in nanoseconds). */
export async function cpuSeconds(pid: number): Promise<number> {
  const tasks = `/proc/${pid}/task`
  const texts = await Promise.all(
    (await readdir(tasks)).map((task) => readFile(join(tasks, task, 'schedstat'), 'utf8').catch(() => '0')),
  )
  return texts.reduce((sum, text) => sum + Number(text.split(' ', 1)[0]), 0) / 1e9
}

/** Resident memory of a process, in kB. */
export async function residentKb(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
}
