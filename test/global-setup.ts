import type { TestProject } from 'vitest/node'
import { startTestRedis } from './helpers/redis-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the Redis of this run is; tests share it, each under its own prefix. */
    redisUrl: string
  }
}

/** Gives the run one Redis. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const redis = await startTestRedis(process.env)
  console.log(`Redis of this run: ${redis.description}`)
  project.provide('redisUrl', redis.url)
  return () => redis.close()
}
