import type { TestProject } from 'vitest/node'
import { dockerAnswers, findRedisServer, redisImage } from '../src/dev/find-redis.ts'
import { startLocalRedis, startRedisContainer, type TestRedis } from './helpers/redis-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the Redis of this run is; tests share it, each under its own prefix. */
    redisUrl: string
  }
}

/**
 * Gives the run one Redis. TEST_REDIS chooses: `local`, `testcontainers`, `auto` (default: a container where possible), or the
 * address of one that is there.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const redis = await startRedis(process.env['TEST_REDIS'] || 'auto', process.env['TEST_REDIS_IMAGE'] || redisImage)
  console.log(`Redis of this run: ${redis.description}`)
  project.provide('redisUrl', redis.url)
  return () => redis.close()
}

async function startRedis(choice: string, image: string): Promise<TestRedis> {
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
