import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { tokenParameter } from '../access/watch-tokens.ts'
import type { RouteDeps } from '../deps.ts'
import { linkNextPage } from '../http/next-page.ts'
import { limitParameter, named, pageHeaders, pageOf } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { exampleLogs } from './examples.ts'
import { findJob, jobParams } from './find-job.ts'

const query = z.strictObject({
  token: tokenParameter,
  limit: limitParameter,
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'is not a cursor of these logs')
    .optional(),
})
const line = named('LogLine', z.object({ at: z.string(), level: z.string(), message: z.string(), attempt: z.int() }))
const page = pageOf('Log', line)

/** One call reads this many stored events, log lines or not. */
const maxRead = 500

/** `GET /v1/jobs/{id}/logs`: what the handler logged, oldest first, as far as it is stored. */
export function readJobLogs(app: FastifyInstance, { queue, hub }: RouteDeps): void {
  app.get<{ Params: z.output<typeof jobParams>; Querystring: z.output<typeof query> }>('/v1/jobs/:id/logs', {
    config: { access: 'read', watch: 'job' },
    schema: {
      operationId: 'readJobLogs',
      summary: "Read a job's log",
      description: 'What the handler logged, oldest first, as far as it is stored.',
      tags: ['jobs'],
      params: jobParams,
      querystring: query,
      response: {
        200: jsonResponse('One page of the log', page, { headers: pageHeaders, example: exampleLogs }),
        ...problemResponses('job_not_found', 'job_evicted', 'queue_unavailable'),
      },
    },
    handler: async (request, reply): Promise<z.output<typeof page>> => {
      const { id } = request.params
      const { limit, cursor } = request.query
      const job = await findJob(queue, request, id)
      const events = await hub.readWithoutValues(job, Number(cursor ?? 0), maxRead)
      const items: z.output<typeof line>[] = []
      let last = Number(cursor ?? 0)
      for (const event of events) {
        if (items.length === limit) break
        last = event.id
        if (event.kind === 'log') items.push(line.parse(JSON.parse(event.data)))
      }
      const isEnd = events.length < maxRead && last === (events.at(-1)?.id ?? last)
      const next_cursor = isEnd ? null : String(last)
      linkNextPage(request, reply, next_cursor)
      return { items, next_cursor }
    },
  })
}
