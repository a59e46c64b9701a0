import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { isUlid } from '../../queue/model/job-id.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { IndexedJob } from '../../queue/store/job-index.ts'
import type { RouteDeps } from '../deps.ts'
import { asJsonText } from '../http/answer-when-done.ts'
import { linkNextPage } from '../http/next-page.ts'
import { limitParameter, pageHeaders, pageOf, stateField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { exampleJob } from './examples.ts'
import { jobResource, jobSchema } from './job-resource.ts'

/** One call reads no more jobs than this, matching or not: a page may be short, or empty, and still have a cursor. */
const maxRead = 500
const filteredAtOnce = 100
/** Inputs may have some megabytes: a page ends early when it has this many characters of JSON. */
const maxCharacters = 8 * 1024 * 1024

const time = z.iso.datetime({ offset: true }).transform(Date.parse)
const query = z.strictObject({
  state: stateField.optional(),
  type: z.string().min(1).max(100).optional(),
  tag: z.string().min(1).max(100).optional(),
  created_after: time.optional().describe('Only jobs created after this time'),
  created_before: time.optional().describe('Only jobs created before this time'),
  limit: limitParameter,
  cursor: z.string().optional().transform(readCursor).describe('`next_cursor` of the page before'),
})
type Query = z.output<typeof query>

/** `GET /v1/jobs`: jobs in order of creation, newest first. Pages stay stable while jobs are added or end. */
export function listJobs(app: FastifyInstance, { queue, index, config }: RouteDeps): void {
  const readPage = async (tenant: string, filter: Query): Promise<{ items: string[]; end: string | undefined }> => {
    const items: string[] = []
    let characters = 0
    // Without a filter every job that is read belongs to the page, unless it was deleted meanwhile.
    const atOnce = isFiltered(filter) ? filteredAtOnce : filter.limit
    let behind = filter.cursor
    const from = (filter.created_after ?? -1) + 1
    const to = (filter.created_before ?? Number.MAX_SAFE_INTEGER) - 1
    for (let read = 0; read < maxRead; read += atOnce) {
      const found: IndexedJob[] = await index.next({ tenant, queues: queue.names, behind, from, to, count: atOnce })
      const refs = found.map(({ ref }) => ref)
      let n = 0
      for await (const { job } of queue.readMany(refs)) {
        behind = found[n++]?.ulid
        if (!job || !matches(job, filter)) continue
        const item = JSON.stringify(jobResource(job, config.RESULT_TTL_MS))
        items.push(item)
        characters += item.length
        if (items.length === filter.limit || characters >= maxCharacters) return { items, end: behind }
      }
      if (refs.length < atOnce) return { items, end: undefined }
    }
    return { items, end: behind }
  }

  app.get<{ Querystring: Query }>('/v1/jobs', {
    config: { access: 'read' },
    schema: {
      operationId: 'listJobs',
      summary: 'List jobs, newest first',
      tags: ['jobs'],
      querystring: query,
      response: {
        200: jsonResponse('One page', pageOf('Job', jobSchema), {
          headers: pageHeaders,
          example: { items: [exampleJob], next_cursor: null },
        }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { items, end } = await readPage(request.caller.tenant, request.query)
      const next_cursor = end ? writeCursor(end) : null
      linkNextPage(request, reply, next_cursor)
      return reply
        .type('application/json; charset=utf-8')
        .serializer(asJsonText)
        .send(`{"items":[${items.join(',')}],"next_cursor":${JSON.stringify(next_cursor)}}`)
    },
  })
}

function isFiltered({ state, type, tag }: Query): boolean {
  return state !== undefined || type !== undefined || tag !== undefined
}

function matches(job: StoredJob, { state, type, tag }: Query): boolean {
  if (state !== undefined && job.state !== state) return false
  if (type !== undefined && job.type !== type) return false
  return tag === undefined || job.record.tags?.includes(tag) === true
}

function writeCursor(ulid: string): string {
  return Buffer.from(ulid).toString('base64url')
}

function readCursor(text: string | undefined, context: z.RefinementCtx): string | undefined {
  if (text === undefined) return undefined
  const ulid = Buffer.from(text, 'base64url').toString()
  if (isUlid(ulid)) return ulid
  context.addIssue('is not a cursor of this list')
  return z.NEVER
}
