import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { named } from '../openapi/fields.ts'
import { jsonResponse, publicProblemResponses } from '../openapi/responses.ts'

const status = named('Health', z.object({ status: z.literal('ok') }))
const readiness = named(
  'Readiness',
  z.object({
    status: z.literal('ready'),
    warnings: z
      .array(z.object({ code: z.string(), detail: z.string() }))
      .describe(
        'What costs safety while the API can serve: how Redis is configured, a clock that differs from that of Redis, no free file descriptor',
      ),
  }),
)

/** `GET /livez`: the process answers. `GET /readyz`: Redis answers, and the process is not stopping. */
export function reportHealth(app: FastifyInstance, { queue, draining, warnings }: RouteDeps): void {
  app.get('/livez', {
    config: { access: 'public' },
    schema: {
      operationId: 'livez',
      summary: 'Check whether the API is alive',
      description: 'For liveness probes: answers without Redis. Needs no key.',
      tags: ['health'],
      querystring: z.strictObject({}),
      response: { 200: jsonResponse('The process answers', status), ...publicProblemResponses() },
    },
    handler: () => ({ status: 'ok' }),
  })
  app.get('/readyz', {
    config: { access: 'public' },
    schema: {
      operationId: 'readyz',
      summary: 'Check whether the API accepts jobs',
      description: 'For readiness probes: Redis answers, and the process is not stopping. Needs no key.',
      tags: ['health'],
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('The API accepts jobs', readiness),
        ...publicProblemResponses('queue_unavailable', 'draining'),
      },
    },
    handler: async () => {
      if (draining.aborted) throw new Problem('draining', 'This process is stopping.', { retryAfterS: 1 })
      await queue.ping()
      return { status: 'ready', warnings: warnings() }
    },
  })
}
