import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { hashSecret } from '../src/api/access/api-keys.ts'
import { findRedisServer } from '../src/dev/find-redis.ts'
import { freePorts } from '../src/dev/free-ports.ts'
import { launchRedis, redisCommand } from '../src/dev/redis-process.ts'
import { untilReady } from '../src/dev/running.ts'
import type { Generator } from './load/generator.ts'
import { type BenchProcess, startProcess } from './processes.ts'
import { type Remote, remote } from './remote.ts'

/** How sure Redis is of what it took, for all that is measured. No rewrite of the file falls into one side's turn. */
const durability = { appendfsync: 'everysec', 'auto-aof-rewrite-percentage': '0' }
export const durabilityText = 'append-only file, fsync every second, no rewrites, loopback'

/** What all rows stand on: a Redis of the benchmark's own, the load generator, a key for our API. */
export interface World {
  readonly redisUrl: string
  readonly redis: Redis
  readonly redisVersion: string
  readonly load: Remote<Generator>
  readonly keysFile: string
  /** What our API wants with each request. */
  readonly headers: { authorization: string; 'content-type': string }
  /** Starts a process of a row; `ours`: of what is measured, so that it gets the profiler. */
  start(file: string, env: Record<string, string>, ours?: 'ours'): Promise<BenchProcess>
  /** Ends the processes that a row has left, and forgets what it left in Redis. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Starts it; `nodeOptions` are for our own processes (a profiler, say). Its data lies in a folder of its own until `close`. */
export async function openWorld(nodeOptions: readonly string[]): Promise<World> {
  const installed = findRedisServer()
  if (!installed) throw new Error('no redis-server or valkey-server (6.2 or later) on PATH')
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
    headers: { authorization: `Bearer ${id}.${secret}`, 'content-type': 'application/json' },
    async start(file, env, ours) {
      const started = await startProcess(file, env, ours ? nodeOptions : [])
      running.add(started)
      return started
    },
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

/** What the threads of a process have computed so far, in seconds of one core (Linux: `schedstat`, in nanoseconds). */
export async function cpuSeconds(pid: number): Promise<number> {
  const tasks = `/proc/${pid}/task`
  const texts = await Promise.all(
    (await readdir(tasks)).map((task) => readFile(join(tasks, task, 'schedstat'), 'utf8').catch(() => '0')),
  )
  return texts.reduce((sum, text) => sum + Number(text.split(' ', 1)[0]), 0) / 1e9
}

/** Memory of a process that is in RAM, in kB. */
export async function residentKb(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
}
