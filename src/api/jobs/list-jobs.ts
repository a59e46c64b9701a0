import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { queueNamePattern } from '../../jobs/define-job.ts'
import { isUlid, timeOfUlid } from '../../queue/model/job-id.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { IndexedJob } from '../../queue/store/job-index.ts'
import { readableTenant, tenantParameter } from '../access/readable-tenant.ts'
import type { RouteDeps } from '../deps.ts'
import { answerPage, cursorParameter, fillPage } from '../http/search-page.ts'
import {
  createdRange,
  limitParameter,
  pageHeaders,
  searchedPageOf,
  stateField,
  timeParameters,
} from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { exampleJob } from './examples.ts'
import { jobSchema, listedJobResource } from './job-resource.ts'

const query = z.strictObject({
  state: stateField.optional(),
  type: z.string().min(1).max(100).optional(),
  queue: z.string().regex(queueNamePattern).optional(),
  tag: z.string().min(1).max(100).optional(),
  error_code: z.string().min(1).max(200).optional().describe('Only jobs that ended with this `error.code`'),
  ...timeParameters,
  tenant: tenantParameter,
  limit: limitParameter,
  cursor: cursorParameter(isUlid),
})
type Query = z.output<typeof query>

/** `GET /v1/jobs`: jobs in order of creation, newest first. Pages stay stable while jobs are added or end. */
export function listJobs(app: FastifyInstance, { queue, index, config }: RouteDeps): void {
  const search = (tenant: string, filter: Query) => {
    const { state, type, tag, error_code: errorCode, cursor: behind, limit: count } = filter
    return index.search({
      tenant,
      queues: filter.queue === undefined ? queue.names : [filter.queue],
      filter: { state, type, tag, errorCode },
      behind,
      ...createdRange(filter),
      count,
    })
  }

  app.get<{ Querystring: Query }>('/v1/jobs', {
    config: { access: 'read' },
    schema: {
      operationId: 'listJobs',
      summary: 'List jobs, newest first',
      tags: ['jobs'],
      querystring: query,
      response: {
        200: jsonResponse('One page', searchedPageOf('Job', jobSchema), {
          headers: pageHeaders,
          example: { items: [exampleJob], next_cursor: null },
        }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const filter = request.query
      const read = async function* (found: IndexedJob[]) {
        for await (const { job } of queue.readMany(found.map(({ ref }) => ref)))
          yield job && matches(job, filter)
            ? JSON.stringify(listedJobResource(job, config.RESULT_TTL_MS, request.caller))
            : undefined
      }
      const page = await fillPage(search(readableTenant(request, filter.tenant), filter), filter.limit, read)
      return answerPage(request, reply, page, timeOfUlid)
    },
  })
}

/** What was found may have changed since, and was found by hints. */
function matches(job: StoredJob, { state, type, tag, error_code: code }: Query): boolean {
  if (state !== undefined && job.state !== state) return false
  if (type !== undefined && job.type !== type) return false
  if (code !== undefined && !(job.done && job.failure?.code === code)) return false
  return tag === undefined || job.record.tags?.includes(tag) === true
}
