import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { RouteDeps } from '../deps.ts'
import { named } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { limitRoutes } from './limit-routes.ts'
import { exampleQueue, queueBody, queueNotFound, queueSchema } from './queue-resource.ts'

/** `GET /v1/queues` and `GET /v1/queues/{name}`: the jobs and workers of each queue. `POST …/pause`, `POST …/resume`. */
export function queueRoutes(app: FastifyInstance, deps: RouteDeps): void {
  const { queue, schemas } = deps
  limitRoutes(app, deps)
  schemas.add(queueSchema, { id: 'Queue', description: 'A queue at one moment', examples: [exampleQueue] })
  const describe = async (name: string): Promise<z.output<typeof queueSchema>> => {
    const { paused, workers, scheduled, queued, held, blocked, running, succeeded, failed, first, maxRunning, rate } =
      await queue.count(name)
    const since = await queue.waitingSince(name, first)
    const oldest_wait_ms = since === undefined ? null : Math.max(0, redisNow() - since)
    return {
      name,
      paused,
      workers,
      counts: { scheduled, queued, held, blocked, running, succeeded, failed },
      max_running: maxRunning ?? null,
      rate: rate ? { limit: rate.limit, per_ms: rate.perMs } : null,
      oldest_wait_ms,
    }
  }
  app.get('/v1/queues', {
    config: { access: 'read' },
    schema: {
      operationId: 'listQueues',
      summary: 'List the queues',
      description:
        'The queues of all job types: how many jobs they have by state, how many workers, and how long the oldest job waits.',
      tags: ['queues'],
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('All queues', named('QueueList', z.object({ items: z.array(queueSchema) })), {
          example: { items: [exampleQueue] },
        }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async () => ({ items: await Promise.all(queue.names.map(describe)) }),
  })
  app.get<{ Params: { name: string } }>('/v1/queues/:name', {
    config: { access: 'read' },
    schema: {
      operationId: 'readQueue',
      summary: 'Read a queue',
      description: 'How many jobs the queue has by state, how many workers, and how long its oldest job waits.',
      tags: ['queues'],
      params: z.object({ name: z.string() }),
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('The queue', queueSchema),
        ...problemResponses('queue_not_found', 'queue_unavailable'),
      },
    },
    handler: async ({ params: { name } }) => {
      if (queue.names.includes(name)) return describe(name)
      throw queueNotFound(name)
    },
  })
  app.put<{ Params: { name: string }; Body: z.output<typeof queueBody> }>('/v1/queues/:name', {
    config: { access: 'admin' },
    schema: {
      operationId: 'limitQueue',
      summary: 'Set the limits of a queue',
      description: 'Sets both limits, over all workers and tenants. Jobs that run go on.',
      tags: ['queues'],
      params: z.object({ name: z.string() }),
      querystring: z.strictObject({}),
      body: queueBody,
      response: {
        200: jsonResponse('The queue', queueSchema),
        ...problemResponses('queue_not_found', 'queue_unavailable'),
      },
    },
    handler: async ({ params: { name }, body: { max_running, rate } }) => {
      if (!queue.names.includes(name)) throw queueNotFound(name)
      const perPeriod = rate ? { limit: rate.limit, perMs: rate.per_ms } : undefined
      await queue.limits.setOfQueue(name, { maxRunning: max_running ?? undefined, rate: perPeriod })
      return describe(name)
    },
  })
  for (const [verb, paused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    app.post<{ Params: { name: string } }>(`/v1/queues/:name/${verb}`, {
      config: { access: 'admin' },
      schema: {
        operationId: `${verb}Queue`,
        description: paused
          ? 'Jobs are still accepted, and wait. Jobs that run go on to their end.'
          : 'Jobs that have waited start in their order.',
        summary: paused ? 'Stop workers from starting jobs of a queue' : 'Let workers start jobs of a queue again',
        tags: ['queues'],
        params: z.object({ name: z.string() }),
        querystring: z.strictObject({}),
        response: {
          200: jsonResponse('The queue', queueSchema),
          ...problemResponses('queue_not_found', 'queue_unavailable'),
        },
      },
      handler: async ({ params: { name } }) => {
        if (!queue.names.includes(name)) throw queueNotFound(name)
        await queue.setPaused(name, paused)
        return describe(name)
      },
    })
  }
}
