import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { jsonResponse, publicProblemResponses } from '../openapi/responses.ts'

const status = z.object({ status: z.literal('ok') })

/** `GET /livez`: this process answers. `GET /readyz`: Redis answers it, and it is not about to close. */
export function reportHealth(app: FastifyInstance, { queue, closing }: RouteDeps): void {
  app.get('/livez', {
    config: { access: 'public' },
    schema: {
      operationId: 'livez',
      summary: 'Is the API alive?',
      tags: ['health'],
      querystring: z.strictObject({}),
      response: { 200: jsonResponse('It is', status), ...publicProblemResponses() },
    },
    handler: () => ({ status: 'ok' }),
  })
  app.get('/readyz', {
    config: { access: 'public' },
    schema: {
      operationId: 'readyz',
      summary: 'Can the API take jobs?',
      tags: ['health'],
      querystring: z.strictObject({}),
      response: { 200: jsonResponse('It can', status), ...publicProblemResponses('queue_unavailable') },
    },
    handler: async () => {
      closing.throwIfAborted()
      await queue.ping()
      return { status: 'ok' }
    },
  })
}
