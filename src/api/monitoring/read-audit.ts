import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { linkNextPage } from '../http/next-page.ts'
import { timestamp } from '../http/timestamp.ts'
import { limitParameter, named, pageHeaders, pageOf, timeField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'

const name = z.string().min(1).max(300).optional()

const query = z.strictObject({
  tenant: name,
  key: name.describe('Only what was done with the key of this id'),
  action: name.describe('Only this operation of the API, such as `cancelJob`'),
  target: name.describe('Only what was done to this job, flow, schedule, queue or worker'),
  limit: limitParameter,
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,14}-\d{1,15}$/, 'is not a cursor of this list')
    .optional()
    .describe('`next_cursor` of the page before'),
})

const entrySchema = named(
  'AuditEntry',
  z.object({
    at: timeField,
    tenant: z.string().describe('Of the key'),
    key: z.string().nullable().describe('The id of the API key. Null: the API ran without keys'),
    action: z.string().describe('The `operationId` of the call'),
    target: z
      .string()
      .nullable()
      .describe(
        'The id of what was changed; with more than one, such as `<job>/<delivery>`, as in the path of the call',
      ),
    request_id: z.string(),
  }),
)

const page = pageOf('AuditEntry', entrySchema)

const exampleEntry = {
  at: '2026-12-01T08:00:00.000Z',
  tenant: 'acme',
  key: 'k1',
  action: 'cancelJob',
  target: 'cpu_01k7p3x9v2m4q6r8s0t1w3y5z7',
  request_id: '01k7p3x9v2m4q6r8s0t1w3y5z9',
}

/** `GET /v1/audit`: who changed what. */
export function readAudit(app: FastifyInstance, { audit }: RouteDeps): void {
  app.get<{ Querystring: z.output<typeof query> }>('/v1/audit', {
    config: { access: 'admin' },
    schema: {
      operationId: 'readAudit',
      summary: 'Read who changed what',
      description:
        'Every write that succeeded, newest first, except submissions: which key, which operation, on what, and when. The last 100,000 of 90 days. A page may be short: only `next_cursor: null` is the end of the list.',
      tags: ['monitoring'],
      querystring: query,
      response: {
        200: jsonResponse('One page', page, {
          headers: pageHeaders,
          example: { items: [exampleEntry], next_cursor: null },
        }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async (request, reply): Promise<z.output<typeof page>> => {
      const { tenant, key, action, target, limit, cursor } = request.query
      const { entries, cursor: next } = await audit.read(
        (entry) =>
          (tenant === undefined || entry.tenant === tenant) &&
          (key === undefined || entry.key === key) &&
          (action === undefined || entry.action === action) &&
          (target === undefined || `${entry.target}/`.startsWith(`${target}/`)),
        { cursor, limit },
      )
      const next_cursor = next ?? null
      linkNextPage(request, reply, next_cursor)
      return {
        items: entries.map(({ at, key: of, target: on, requestId, ...entry }) => ({
          ...entry,
          at: timestamp(at),
          key: of ?? null,
          target: on ?? null,
          request_id: requestId,
        })),
        next_cursor,
      }
    },
  })
}
