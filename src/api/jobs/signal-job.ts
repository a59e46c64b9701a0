import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { signalLimits, signalNamePattern } from '../../jobs/job-wait.ts'
import { checkMaySubmit } from '../access/may-submit.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { documentedOnly } from '../http/validation.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { findJob, jobGone, jobNotFound, jobParams } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'

const params = jobParams.extend({
  name: z.string().regex(signalNamePattern).describe('What the handler waits for'),
})
const body = z.unknown().describe('What the handler receives. Without a body it is null')

/** `POST /v1/jobs/{id}/signals/{name}`: give a job what its handler waits for. Idempotent: the first signal of a name counts. */
export function signalJob(app: FastifyInstance, { queue, retention }: RouteDeps): void {
  app.post<{ Params: z.output<typeof params> }>('/v1/jobs/:id/signals/:name', {
    config: { access: 'submit' },
    bodyLimit: signalLimits.bytes,
    schema: {
      operationId: 'signalJob',
      summary: 'Send a signal to a job',
      description: `The body is what \`job.waitForSignal\` returns in its handler: any JSON of at most ${signalLimits.bytes} bytes. A signal that comes before the handler waits for it is kept until the run ends. The first of a name counts, and a job may receive ${signalLimits.names} names in a run.`,
      tags: ['jobs'],
      params,
      querystring: z.strictObject({}),
      body: documentedOnly(body),
      response: {
        200: jsonResponse('A signal of this name came before: nothing has changed', jobSchema),
        202: jsonResponse('The signal is kept for the job, which goes on if it was waiting for it', jobSchema),
        ...problemResponses(
          'job_not_found',
          'job_evicted',
          'job_already_done',
          'too_many_signals',
          'payload_too_large',
          'too_many_members',
          'unsupported_media_type',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const { id, name } = request.params
      const payload = JSON.stringify(request.body ?? null)
      const bytes = Buffer.byteLength(payload)
      if (bytes > signalLimits.bytes)
        throw new Problem(
          'payload_too_large',
          `The payload has ${bytes} bytes of JSON, more than ${signalLimits.bytes}.`,
        )
      const before = await findJob(queue, request, id)
      checkMaySubmit(request.caller, before)
      const received = await queue.signal(before, name, payload)
      if (received === 'missing') throw await jobGone(queue, before, before.record.tenant)
      if (received === 'done')
        throw new Problem('job_already_done', 'The job is done, or was canceled: it receives no signals any more.')
      if (received === 'too_many')
        throw new Problem('too_many_signals', `The job has received ${signalLimits.names} signals, as many as it may.`)
      const job = await queue.read(before, undefined, 'small')
      if (!job) throw jobNotFound(id)
      return reply.code(received === 'kept' ? 202 : 200).send(jobResource(job, retention, request.caller))
    },
  })
}
