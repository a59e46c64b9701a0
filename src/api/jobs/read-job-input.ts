import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { maskSecrets } from '../../jobs/secrets.ts'
import type { RouteDeps } from '../deps.ts'
import { answerPayload, payloadOf } from '../http/payload.ts'
import { payloadRequestHeaders, payloadResponses } from '../openapi/payload.ts'
import { problemResponses } from '../openapi/responses.ts'
import { findJob, jobParams } from './find-job.ts'

/** `GET /v1/jobs/{id}/input`: the input of a job alone, as JSON of any size, in parts where the client asks for a range. */
export function readJobInput(app: FastifyInstance, { queue }: RouteDeps): void {
  app.get<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id/input', {
    config: { access: 'read' },
    schema: {
      operationId: 'readJobInput',
      summary: "Read a job's input",
      description:
        'The input alone, of any size, as it was submitted but for secrets. A `Range` asks for a part of it.',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      headers: payloadRequestHeaders('input'),
      response: {
        ...payloadResponses('input', { limit: 100 }),
        ...problemResponses('job_not_found', 'job_evicted', 'range_not_satisfiable', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { record } = await findJob(queue, request, request.params.id, 'whole')
      return answerPayload(request, reply, payloadOf(maskSecrets(record.input ?? null, record.secrets?.input)), 'input')
    },
  })
}
