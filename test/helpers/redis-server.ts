import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dockerAnswers, findRedisServer, redisImage } from '../../src/dev/find-redis.ts'
import { freePorts } from '../../src/dev/free-ports.ts'
import { launchRedis, type RedisProcess, redisCommand, storage } from '../../src/dev/redis-process.ts'
import { untilReady } from '../../src/dev/running.ts'

/** A Redis for tests to share. */
export interface TestRedis {
  url: string
  /** For people: which one, and its version. */
  description: string
  close(): Promise<void>
}

/**
 * Starts what TEST_REDIS says: `local`, `testcontainers`, or `auto` (default: a container where an engine answers and the image
 * can be had, else an installed server), or the address of one that is there. REDIS_IMAGE names another image.
 */
export async function startTestRedis(env: NodeJS.ProcessEnv): Promise<TestRedis> {
  const image = env['REDIS_IMAGE'] || redisImage
  const choice = env['TEST_REDIS'] || 'auto'
  if (choice.startsWith('redis'))
    return { url: choice, description: 'the one that TEST_REDIS names', close: async () => {} }
  switch (choice) {
    case 'local':
      return startLocalRedis()
    case 'testcontainers':
      return startRedisContainer(image)
    case 'auto':
      if (dockerAnswers()) {
        try {
          return await startRedisContainer(image)
        } catch (error) {
          if (findRedisServer() === undefined) throw error
          console.log(`no container of ${image} (${error instanceof Error ? error.message : String(error)})`)
        }
      }
      return startLocalRedis()
    default:
      throw new Error(`TEST_REDIS must be local, testcontainers, auto or an address, not "${choice}"`)
  }
}

/** Starts an installed server on a free port: in memory only, gone after `close`, and also after a run that was killed. */
async function startLocalRedis(): Promise<TestRedis> {
  const installed = findRedisServer()
  if (installed === undefined) throw new Error('no redis-server or valkey-server (7.0 or later) on PATH')
  const { command, version } = installed
  const [port = 0] = await freePorts(1)
  const dir = await mkdtemp(join(tmpdir(), 'drover-redis-'))
  const server = launchRedis(redisCommand({ command, port, dir, appendOnly: false }), port)
  await whenReady(server)
  return {
    url: server.url,
    description: `${command} ${version}`,
    async close() {
      await server.stop(2000)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Starts `image` through Testcontainers, fetching it where it is not there. @throws where no engine answers */
async function startRedisContainer(image: string): Promise<TestRedis> {
  // Loaded here alone: it takes most of a second, and most runs do without.
  const { GenericContainer, Wait } = await import('testcontainers')
  const container = await new GenericContainer(image)
    .withExposedPorts(6379)
    .withCommand(['redis-server', '--protected-mode', 'no', ...storage(false)])
    .withWaitStrategy(Wait.forSuccessfulCommand('redis-cli ping | grep PONG'))
    .withStartupTimeout(120_000)
    .start()
  const { output } = await container.exec(['redis-server', '--version'])
  const version = /\bv=([\d.]+)/.exec(output)?.[1] ?? 'of unknown version'
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    description: `${image} ${version} (Testcontainers)`,
    close: async () => void (await container.stop()),
  }
}

/** Waits until a server serves; one that does not is gone afterwards. */
export async function whenReady(server: RedisProcess): Promise<void> {
  try {
    await untilReady(server, { name: 'Redis', withinMs: 10_000 })
  } catch (error) {
    await server.stop(0)
    throw error
  }
}
