import type { TestProject } from 'vitest/node'
import { startTestRedis } from './helpers/redis-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The address of the Redis of this run. Tests share it, each with its own key prefix. */
    redisUrl: string
  }
}

/** Starts one Redis for the whole run. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const redis = await startTestRedis(process.env)
  console.log(`Redis of this run: ${redis.description}`)
  project.provide('redisUrl', redis.url)
  return () => redis.close()
}
