import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { JobRef } from '../../queue/model/job-id.ts'
import type { ValuesPage, ValuesPlace } from '../../queue/store/job-values.ts'
import { tokenParameter } from '../access/watch-tokens.ts'
import type { RouteDeps } from '../deps.ts'
import { asJsonText } from '../http/answer-when-done.ts'
import type { Hold } from '../http/hold.ts'
import { linkNextPage } from '../http/next-page.ts'
import { Problem } from '../http/problem.ts'
import { answerHeadOfStream, type StreamResponse } from '../http/stream-response.ts'
import { addVary } from '../http/vary.ts'
import { streamHeaders } from '../openapi/event-stream.ts'
import { integerParameter, pageHeaders, pageOf } from '../openapi/fields.ts'
import { problemResponses } from '../openapi/responses.ts'
import { findJob, jobNotFound, jobParams } from './find-job.ts'
import { linesAtOnce, ValuesFollower } from './follow-values.ts'

const ndjson = 'application/x-ndjson'
const maxLimit = 1000
/** A page ends early when it has so many bytes of JSON. */
const pageBytes = 1024 * 1024

const query = z.strictObject({
  token: tokenParameter,
  after: z
    .string()
    .regex(/^\d{1,9}-\d{1,6}$/, 'must be the number of a list and how many of its values to leave out: 1-25')
    .optional()
    .describe(
      'Leaves out the values that the client has: `<list>-<how many>`, which is `next_cursor`, or `list` and `index` + 1 of an `output` event. Refused once another list has begun',
    ),
  limit: integerParameter(z.int().min(1).max(maxLimit)).default(100).describe(`1 to ${maxLimit}. Not for NDJSON`),
})
type Query = z.output<typeof query>
type Params = z.output<typeof jobParams>

const valuesHeaders = {
  'values-list':
    'The number of the list of values: each start of the handler begins the next one. One that goes on from a checkpoint does so only where values are dropped',
}

/** `GET /v1/jobs/{id}/values`: what the handler has yielded, as pages, or as NDJSON that follows until the job is done. */
export function readJobValues(app: FastifyInstance, deps: RouteDeps): void {
  const { queue, hub } = deps

  /** @throws Problem */
  const readPage = async (ref: JobRef, after: string | undefined, bounds: { limit: number; bytes: number }) => {
    const page = await queue.readValues(ref, placeOf(after), bounds)
    if (page.status === 'page') return page
    throw refusal(page, after)
  }

  const answerAsJson = async (request: FastifyRequest, reply: FastifyReply, id: string, { after, limit }: Query) => {
    // The values of a job are complete when its end can be read: so the end is read before them.
    const job = await findJob(queue, request, id)
    const { values, next, count } = await readPage(job, after, { limit, bytes: pageBytes })
    const cursor = job.done && next.read === count ? null : `${next.list}-${next.read}`
    linkNextPage(request, reply, cursor, 'after')
    return reply
      .header('values-list', next.list)
      .type('application/json; charset=utf-8')
      .serializer(asJsonText)
      .send(`{"items":[${values.join(',')}],"next_cursor":${JSON.stringify(cursor)}}`)
  }

  const answerAsNdjson = async (
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    after: string | undefined,
  ) => {
    const ref = queue.refOf(id)
    if (!ref) throw jobNotFound(id)
    const follower = new ValuesFollower(deps, ref)
    const stopWatching = await hub.watch(ref, follower.onAnnouncement)
    try {
      await findJob(queue, request, id)
      const first = await readPage(ref, after, linesAtOnce)
      const hold = deps.holds.open('stream', request, reply)
      reply.header('values-list', first.next.list)
      const response: StreamResponse = deps.streams.openLines(
        reply,
        whenRevoked(hold, () => response.abort()),
      )
      try {
        await follower.write(response, first)
      } catch (error) {
        request.log.warn({ err: error, job: id }, 'stream of values broken off')
        response.abort()
      }
    } finally {
      stopWatching()
    }
  }

  const answerHead = async (request: FastifyRequest, reply: FastifyReply, id: string, after: string | undefined) => {
    const page = await readPage(await findJob(queue, request, id), after, linesAtOnce)
    return answerHeadOfStream(reply.header('values-list', page.next.list), ndjson)
  }

  app.get<{ Params: Params; Querystring: Query }>('/v1/jobs/:id/values', {
    config: { access: 'read', watch: 'job' },
    schema: {
      operationId: 'readJobValues',
      summary: "Read a job's values",
      description: 'What a generator has yielded: in pages, or as NDJSON that follows until the job is done.',
      tags: ['jobs'],
      params: jobParams,
      querystring: query,
      headers: z.object({
        accept: z.string().optional().describe(`\`${ndjson}\`: one line for each value as it comes`),
      }),
      response: {
        200: {
          description:
            'The values that a generator has yielded, in their order: a page, whose `next_cursor` is null when the job is done and has no more; or, as NDJSON, one line for each until the job is done. The stream is broken off when the next list begins, or when the key of the request ends. Empty lines keep the connection open',
          headers: { ...streamHeaders, ...pageHeaders, ...valuesHeaders },
          content: { 'application/json': { schema: pageOf('Value', z.unknown()) }, [ndjson]: { schema: z.string() } },
        },
        ...problemResponses('job_not_found', 'job_evicted', 'values_reset', 'queue_unavailable'),
      },
    },
    handler: (request, reply) => {
      const { id } = request.params
      addVary(reply, 'accept')
      const isNdjson = request.headers.accept?.toLowerCase().includes(ndjson) ?? false
      if (isNdjson && request.method === 'HEAD') return answerHead(request, reply, id, request.query.after)
      return isNdjson
        ? answerAsNdjson(request, reply, id, request.query.after)
        : answerAsJson(request, reply, id, request.query)
    },
  })
}

/** A line that says why the answer ends would be taken for a value. */
function whenRevoked(hold: Hold, abort: () => void): Hold {
  return { revoked: undefined, onRevoked: () => hold.onRevoked(abort) }
}

function placeOf(after: string | undefined): ValuesPlace | undefined {
  if (after === undefined) return undefined
  const [list = 0, read = 0] = after.split('-').map(Number)
  return { list, read }
}

function refusal(page: Exclude<ValuesPage, { status: 'page' }>, after = ''): Problem {
  if (page.status === 'reset') {
    const detail = `"${after}" is a place in another list of values. The job has list ${page.list} now: read it from its start.`
    return new Problem('values_reset', detail)
  }
  const detail = `is behind the last of ${page.count} values`
  return new Problem('invalid_request', `after: ${detail}`, { mistakes: [{ pointer: 'after', detail }] })
}
