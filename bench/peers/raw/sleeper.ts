/** A plain BullMQ worker whose jobs do not end. */
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'

const { REDIS_URL: url = '', KEY_PREFIX: prefix = '', CONCURRENCY: concurrency = '1' } = process.env

const worker = new Worker('jobs', () => new Promise<never>(() => undefined), {
  connection: new Redis(url, { maxRetriesPerRequest: null }),
  prefix,
  concurrency: Number(concurrency),
})
worker.on('error', (error) => console.error(error))
await worker.waitUntilReady()
console.log(JSON.stringify({ msg: 'ready' }))
process.on('SIGTERM', () => process.exit())
process.on('disconnect', () => process.exit())
