/** A worker of glide-mq whose job returns its input. */
import { connectionOf, loadQueues } from './installed.ts'

const { REDIS_URL: url = '', KEY_PREFIX: prefix = '', CONCURRENCY: concurrency = '100' } = process.env

const { Worker } = loadQueues()
const worker = new Worker('jobs', async (job) => job.data, {
  connection: connectionOf(url),
  prefix,
  concurrency: Number(concurrency),
})
worker.on('error', (error) => console.error(error))
await worker.waitUntilReady()
console.log(JSON.stringify({ msg: 'ready' }))
process.on('SIGTERM', () => process.exit())
process.on('disconnect', () => process.exit())
