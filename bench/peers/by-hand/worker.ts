/** A plain BullMQ worker whose job returns its input. */
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'

const { REDIS_URL: url = '', KEY_PREFIX: prefix = '', CONCURRENCY: concurrency = '100' } = process.env

const worker = new Worker('jobs', async (job) => job.data, {
  connection: new Redis(url, { maxRetriesPerRequest: null }),
  prefix,
  concurrency: Number(concurrency),
})
worker.on('error', (error) => console.error(error))
await worker.waitUntilReady()
console.log(JSON.stringify({ msg: 'ready' }))
process.on('SIGTERM', () => process.exit())
process.on('disconnect', () => process.exit())
