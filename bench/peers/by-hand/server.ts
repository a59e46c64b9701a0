/** A service as a careful user writes it with Fastify and BullMQ in an afternoon: submit, wait, read. */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Queue, QueueEvents } from 'bullmq'
import { fastify } from 'fastify'
import { Redis } from 'ioredis'

const url = process.env['REDIS_URL'] ?? ''
const prefix = process.env['KEY_PREFIX'] ?? ''

const queue = new Queue('jobs', { connection: new Redis(url, { maxRetriesPerRequest: 1 }), prefix })
const events = new QueueEvents('jobs', {
  connection: new Redis(url, { maxRetriesPerRequest: null }),
  prefix,
  lastEventId: '0-0',
})
const waiting = new Map<string, (end: { state: string; output?: unknown; error?: string }) => void>()
events.on('completed', ({ jobId, returnvalue }) => waiting.get(jobId)?.({ state: 'succeeded', output: returnvalue }))
events.on('failed', ({ jobId, failedReason }) => waiting.get(jobId)?.({ state: 'failed', error: failedReason }))

const app = fastify({ bodyLimit: 8 * 1024 * 1024 })

const schema = {
  body: {
    type: 'object',
    required: ['type', 'input'],
    properties: { type: { type: 'string', enum: ['echo'] }, input: {} },
    additionalProperties: false,
  },
  querystring: { type: 'object', properties: { wait: { type: 'integer', minimum: 1, maximum: 60 } } },
}

app.post<{ Body: { type: string; input: unknown }; Querystring: { wait?: number } }>(
  '/jobs',
  { schema },
  async (request, reply) => {
    const { type, input } = request.body
    const id = `job-${randomUUID()}`
    const { wait } = request.query
    if (wait === undefined) {
      await queue.add(type, input, { jobId: id })
      return reply.code(202).header('location', `/jobs/${id}`).send({ id, state: 'queued' })
    }
    // Registered before the job is added, so that its end cannot be missed.
    let timer: NodeJS.Timeout | undefined
    const ended = new Promise<object | undefined>((resolve) => {
      waiting.set(id, resolve)
      timer = setTimeout(() => resolve(undefined), wait * 1000)
    })
    try {
      await queue.add(type, input, { jobId: id })
      const end = await ended
      return end ? { id, ...end } : reply.code(202).send({ id, state: 'queued' })
    } finally {
      waiting.delete(id)
      clearTimeout(timer)
    }
  },
)

app.get<{ Params: { id: string } }>('/jobs/:id', async (request, reply) => {
  const job = await queue.getJob(request.params.id)
  if (!job) return reply.code(404).send({ error: 'not found' })
  return { id: job.id, state: await job.getState(), output: job.returnvalue, error: job.failedReason }
})

await Promise.all([queue.waitUntilReady(), events.waitUntilReady()])
await app.listen({ host: '127.0.0.1', port: 0 })
const { port } = app.server.address() as AddressInfo
console.log(JSON.stringify({ msg: 'ready', port }))
process.on('SIGTERM', () => process.exit())
process.on('disconnect', () => process.exit())
