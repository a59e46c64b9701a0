import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { queueNamePattern } from '../../jobs/define-job.ts'
import { fingerprintPattern } from '../../queue/model/fingerprint.ts'
import { timeOfUlid, ulidPattern } from '../../queue/model/job-id.ts'
import type { IndexedJob, JobFilter } from '../../queue/store/job-index.ts'
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
import { matchesFilter } from './job-filter.ts'
import { jobSchema, listedJobResource } from './job-resource.ts'

const query = z.strictObject({
  state: stateField.optional(),
  type: z.string().min(1).max(100).optional(),
  queue: z.string().regex(queueNamePattern).optional(),
  tag: z.string().min(1).max(100).optional(),
  parent: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Only jobs that the handler of the job with this id has submitted'),
  error_code: z.string().min(1).max(200).optional().describe('Only jobs that ended with this `error.code`'),
  fingerprint: z
    .string()
    .regex(fingerprintPattern, 'is not a fingerprint')
    .optional()
    .describe('Only jobs that failed with this fingerprint of `GET /v1/failures`'),
  ...timeParameters,
  tenant: tenantParameter,
  limit: limitParameter,
  cursor: cursorParameter(ulidPattern),
})
/** … and `metadata.<key>` for each key that has an index, which the document of a server with such keys names. */
type Query = z.output<typeof query> & { metadata: [string, string][] }

function queryOf(indexed: readonly string[]) {
  const pair = z.string().max(1000).optional().describe('Only jobs with this value of the key of their metadata')
  const pairs = Object.fromEntries(indexed.map((key) => [`metadata.${key}`, pair]))
  return z.strictObject({ ...query.shape, ...pairs })
}

/** The indexed pairs that a query asks for. */
function metadataOf(given: object, indexed: readonly string[]): [string, string][] {
  return indexed.flatMap((key): [string, string][] => {
    const value: unknown = Reflect.get(given, `metadata.${key}`)
    return typeof value === 'string' ? [[key, value]] : []
  })
}

/** `GET /v1/jobs`: jobs in order of creation, newest first. Pages stay stable while jobs are added or end. */
export function listJobs(app: FastifyInstance, { queue, index, config, retention }: RouteDeps): void {
  const search = (tenant: string, filter: Query, wanted: JobFilter) => {
    const { cursor: behind, limit: count } = filter
    return index.search({
      tenant,
      // A queue of no job type has no index, and a search would begin one.
      queues: queue.names.filter((name) => filter.queue === undefined || filter.queue === name),
      filter: wanted,
      behind,
      ...createdRange(filter),
      count,
    })
  }

  const indexed = config.INDEXED_METADATA

  app.get<{ Querystring: z.output<typeof query> }>('/v1/jobs', {
    config: { access: 'read' },
    schema: {
      operationId: 'listJobs',
      summary: 'List jobs, newest first',
      description:
        'Jobs of the tenant that match all filters. Pages stay stable while jobs are added or end. Only `next_cursor: null` is the end of the list.',
      tags: ['jobs'],
      querystring: queryOf(indexed),
      response: {
        200: jsonResponse('One page', searchedPageOf('Job', jobSchema), {
          headers: pageHeaders,
          example: { items: [exampleJob], next_cursor: null },
        }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const filter: Query = { ...request.query, metadata: metadataOf(request.query, indexed) }
      const { state, type, tag, parent, metadata, error_code: errorCode, fingerprint } = filter
      const wanted = { state, type, tag, parent, metadata, errorCode, fingerprint }
      const read = async function* (found: IndexedJob[]) {
        for await (const { job } of queue.readMany(found.map(({ ref }) => ref)))
          yield job && matchesFilter(job, wanted)
            ? JSON.stringify(listedJobResource(job, retention, request.caller))
            : undefined
      }
      const page = await fillPage(search(readableTenant(request, filter.tenant), filter, wanted), filter.limit, read)
      return answerPage(request, reply, page, timeOfUlid)
    },
  })
}
