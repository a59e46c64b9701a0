import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dockerAnswers, findRedisServer, redisImage } from '../../src/dev/find-redis.ts'
import { freePorts } from '../../src/dev/free-ports.ts'
import { launchRedis, type RedisProcess, redisCommand, storage } from '../../src/dev/redis-process.ts'
import { untilReady } from '../../src/dev/running.ts'

/** A Redis that all tests of a run share. */
export interface TestRedis {
  url: string
  /** For people: the server and its version. */
  description: string
  close(): Promise<void>
}

/**
 * Starts the Redis that TEST_REDIS names: `local`, `testcontainers`, or `auto` (default: a container if a Docker engine answers
 * and the image is available, else an installed server). It may also be the address of a running server. REDIS_IMAGE names
 * another image.
 */
export async function startTestRedis(env: NodeJS.ProcessEnv): Promise<TestRedis> {
  const image = env['REDIS_IMAGE'] || redisImage
  const choice = env['TEST_REDIS'] || 'auto'
  if (choice.startsWith('redis'))
    return { url: choice, description: 'the address in TEST_REDIS', close: async () => {} }
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
          console.log(
            `cannot start a container of ${image} (${error instanceof Error ? error.message : String(error)})`,
          )
        }
      }
      return startLocalRedis()
    default:
      throw new Error(`TEST_REDIS must be local, testcontainers, auto or an address, not "${choice}"`)
  }
}

/** Starts an installed server on a free port, in memory only. It ends with `close`, and also when the run is killed. */
async function startLocalRedis(): Promise<TestRedis> {
  const installed = findRedisServer()
  if (installed === undefined) throw new Error('found no redis-server or valkey-server (7.0 or later) on PATH')
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

/** Starts `image` through Testcontainers, which pulls it if necessary. @throws if no Docker engine answers */
async function startRedisContainer(image: string): Promise<TestRedis> {
  // Loaded only here: it takes almost a second, and few runs need it.
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

/** Waits until a server is ready. Stops it if that fails. */
export async function whenReady(server: RedisProcess): Promise<void> {
  try {
    await untilReady(server, { name: 'Redis', withinMs: 10_000 })
  } catch (error) {
    await server.stop(0)
    throw error
  }
}
