import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { exampleLogs } from './examples.ts'
import { findJob, jobParams } from './find-job.ts'

const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('1 to 200'),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'is not a cursor of these logs')
    .optional(),
})
const line = z.object({ at: z.string(), level: z.string(), message: z.string(), attempt: z.int() })
const page = z.object({ items: z.array(line), next_cursor: z.string().nullable() })

/** How many kept events one call looks at, log lines or not. */
const mostLookedAt = 500

/** `GET /v1/jobs/{id}/logs`: what the handler logged, oldest first, as far as it is kept. */
export function readJobLogs(app: FastifyInstance, { queue, hub }: RouteDeps): void {
  app.get<{ Params: z.output<typeof jobParams>; Querystring: z.output<typeof query> }>('/v1/jobs/:id/logs', {
    config: { access: 'read' },
    schema: {
      operationId: 'readJobLogs',
      summary: "Read a job's log",
      tags: ['jobs'],
      params: jobParams,
      querystring: query,
      response: {
        200: jsonResponse('A page of the log', page, { example: exampleLogs }),
        ...problemResponses('job_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request): Promise<z.output<typeof page>> => {
      const { id } = request.params
      const { limit, cursor } = request.query
      const job = await findJob(queue, request, id)
      const events = await hub.read(job, Number(cursor ?? 0), mostLookedAt)
      const items: z.output<typeof line>[] = []
      let last = Number(cursor ?? 0)
      for (const event of events) {
        if (items.length === limit) break
        last = event.id
        if (event.kind === 'log') items.push(line.parse(JSON.parse(event.data)))
      }
      return { items, next_cursor: last < job.lastEventId ? String(last) : null }
    },
  })
}
