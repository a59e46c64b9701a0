import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { createIORedisClient, createRedisBackend, type RedisQueueBackend, setDefaultBackendFactory } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, inject } from 'vitest'
import type { Served } from './report.ts'

// Runs before each of BullMQ's test files: gives them the connections and the backend, and writes down what served them.

const { sourcesFolder, redisUrl, backend, servedFile } = inject('bullmqTests')
const { hostname, port } = new URL(redisUrl)

const { setConnectionFactory } = await import(join(sourcesFolder, 'tests/utils/connection-factory.ts'))
setConnectionFactory((options?: { host?: string; port?: number }) =>
  createIORedisClient(
    new Redis({ host: options?.host ?? hostname, port: options?.port ?? Number(port), maxRetriesPerRequest: null }),
  ),
)

// The baseline must run where ours does not even load.
const ours = backend === 'ours' ? await import('../../../src/queue/bullmq/batching-backend.ts') : undefined
const factory = ours?.createBatchingBackend ?? createRedisBackend
const made: RedisQueueBackend[] = []
setDefaultBackendFactory((...options: Parameters<typeof factory>) => {
  const one = factory(...options)
  made.push(one)
  return one
})

afterAll(() => {
  for (const [className, some] of Map.groupBy(made, (one) => one.constructor.name)) {
    const batchedCalls = some.reduce(
      (sum, one) => sum + (ours && one instanceof ours.BatchingBackend ? one.batchedCalls : 0),
      0,
    )
    const served: Served = { className, backends: some.length, batchedCalls }
    appendFileSync(servedFile, `${JSON.stringify(served)}\n`)
  }
})
