import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { problemResponses } from '../openapi/responses.ts'

/** `GET /metrics`: the metrics of this process and of the queues, for Prometheus. */
export function reportMetrics(app: FastifyInstance, { metrics, config }: RouteDeps): void {
  app.get('/metrics', {
    config: { access: config.PUBLIC_ENDPOINTS.includes('metrics') ? 'public' : 'admin' },
    schema: {
      operationId: 'metrics',
      summary: 'Read the metrics',
      description: 'Metrics of this process and of the queues, in the text format of Prometheus.',
      tags: ['health'],
      querystring: z.strictObject({}),
      response: {
        200: {
          description: 'Metrics in the text format of Prometheus',
          content: { 'text/plain': { schema: z.string() } },
        },
        ...problemResponses(),
      },
    },
    handler: async (_request, reply) => {
      const { contentType, text } = await metrics.read()
      return reply.header('content-type', contentType).serializer(String).send(text)
    },
  })
}
