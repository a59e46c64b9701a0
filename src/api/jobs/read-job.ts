import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { parseJobId } from '../../queue/model/job-id.ts'
import type { RouteDeps } from '../deps.ts'
import { etagOf, isKnown } from '../http/etag.ts'
import { asJsonText } from '../http/json-text.ts'
import { preferredWaitS } from '../http/prefer-header.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { jobNotFound, jobParams, jobPath } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'
import { waitForJob } from './wait-for-job.ts'

/** `GET /v1/jobs/{id}`: the job as it is, or as it ends when asked to wait. */
export function readJob(app: FastifyInstance, deps: RouteDeps): void {
  app.get<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id', {
    config: { access: 'read' },
    schema: {
      operationId: 'readJob',
      summary: 'Read a job',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      headers: z.object({
        prefer: z.string().optional().describe('`wait=N`: hold the answer until the job is done'),
        'if-none-match': z.string().optional().describe('The `ETag` of what the client has'),
      }),
      response: {
        200: jsonResponse('The job', jobSchema, { headers: { etag: 'Stands for the job as it is' } }),
        304: z.null().describe('The job is as the client has it'),
        202: jsonResponse('With `Prefer: wait`: the job is not done at the limit', jobSchema, {
          headers: { location: 'Where the job can be read', 'preference-applied': '`wait=N`: how long it was held' },
        }),
        ...problemResponses('job_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const ref = parseJobId(id)
      if (!ref) throw jobNotFound(id)
      const waitS = preferredWaitS(request.headers['prefer'])
      const read = () => deps.queue.read(ref, request.caller.tenant)
      const limits = { ms: (waitS ?? 0) * 1000, response: reply.raw, closing: deps.closing }
      const job = waitS === undefined ? await read() : await waitForJob(deps, ref, limits, read)
      if (!job) throw jobNotFound(id)
      if (waitS !== undefined) reply.header('preference-applied', `wait=${waitS}`).header('location', jobPath(id))
      const body = JSON.stringify(jobResource(job, deps.config.RESULT_TTL_MS))
      const etag = etagOf(body)
      reply.header('etag', etag).header('cache-control', 'no-cache')
      if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send()
      const stillWaited = waitS !== undefined && !job.done
      return reply
        .code(stillWaited ? 202 : 200)
        .type('application/json; charset=utf-8')
        .serializer(asJsonText)
        .send(body)
    },
  })
}
