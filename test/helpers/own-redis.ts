import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findRedisServer } from '../../src/dev/find-redis.ts'
import { freePorts } from '../../src/dev/free-ports.ts'
import { launchRedis, redisCommand } from '../../src/dev/redis-process.ts'
import { whenReady } from './redis-server.ts'

const installed = findRedisServer()

/** Whether {@link startOwnRedis} works here: it needs an installed server. For `test.skipIf(!canOwnRedis)`. */
export const canOwnRedis = installed !== undefined

/** A dedicated Redis that a test can stop and restart. It has an append-only file, so its data survives a restart. */
export interface OwnRedis {
  readonly url: string
  readonly port: number
  /** Shuts it down like an operator (SIGTERM). */
  stop(): Promise<void>
  /** Ends it like a crash (SIGKILL). */
  kill(): Promise<void>
  /** How much it has written: the size of its append-only file. */
  written(): Promise<number>
  /** Ends it like a power failure (SIGKILL) that loses what was written after {@link written} was `size`. */
  loseAfter(size: number): Promise<void>
  /** Restarts it on the same port with its data, after `stop` or `kill`. */
  start(): Promise<void>
  /** It stays connected but does not answer, as on a network that loses packets (SIGSTOP). */
  freeze(): void
  /** Continues after `freeze`. */
  thaw(): void
  /** Ends it, frozen or not, and removes its data. Every test must call it. */
  close(): Promise<void>
}

/** Starts a dedicated Redis on a free port. `more`: additional settings, as on the command line. `server`: the program. */
export async function startOwnRedis(more: readonly string[] = [], server = installed): Promise<OwnRedis> {
  if (server === undefined) throw new Error('found no redis-server or valkey-server (7.0 or later) on PATH')
  const { command } = server
  const [port = 0] = await freePorts(1)
  const dir = await mkdtemp(join(tmpdir(), 'drover-own-redis-'))
  const launch = () => launchRedis(redisCommand({ command, port, dir, appendOnly: true, more }), port)
  let running = launch()
  await whenReady(running)
  const kill = async (): Promise<void> => {
    running.send('SIGKILL')
    await running.ended
  }
  // The part that it writes to; a part that it has rewritten is another file.
  const log = async (): Promise<string> => {
    const folder = join(dir, 'appendonlydir')
    const [file] = (await readdir(folder)).filter((name) => name.endsWith('.incr.aof'))
    return join(folder, file ?? '')
  }
  const written = async () => (await stat(await log())).size
  return {
    url: running.url,
    port,
    written,
    async loseAfter(size) {
      await kill()
      // Redis drops a command that was cut in the middle.
      await truncate(await log(), size)
    },
    stop: () => running.stop(5000),
    kill,
    async start() {
      await running.ended
      running = launch()
      await whenReady(running)
    },
    freeze: () => running.send('SIGSTOP'),
    thaw: () => running.send('SIGCONT'),
    async close() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
