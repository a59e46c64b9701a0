import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../app.ts'
import { jobPath, jobResource, jobSchema } from '../job-resource.ts'
import type { SchemaNames } from '../openapi.ts'
import { preferredWaitS } from '../prefer.ts'
import { jsonResponse, problemResponses } from '../problem.ts'
import { parseSubmission, submissionSchema } from '../submission.ts'
import { documentedOnly } from '../validation.ts'
import { waitForJob } from '../wait-for-job.ts'

const headers = z.object({
  prefer: z.string().optional().describe('`wait=N`: hold the answer until the job is done, at most N (60) seconds'),
})

/** `POST /v1/jobs`: store a job, and wait for it when asked to. */
export function submitJob(app: FastifyInstance, deps: RouteDeps, names: SchemaNames): void {
  const { queue, registry, config } = deps
  app.post('/v1/jobs', {
    schema: {
      operationId: 'submitJob',
      summary: 'Submit a job',
      tags: ['jobs'],
      headers,
      body: documentedOnly(submissionSchema(registry, names)),
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('With `Prefer: wait`: the finished job', jobSchema),
        202: jsonResponse('The job was accepted', jobSchema),
        ...problemResponses('unknown_job_type', 'payload_too_large', 'unsupported_media_type', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const job = parseSubmission(request.body, { registry, now: Date.now(), newRef: (name) => queue.newRef(name) })
      const waitS = preferredWaitS(request.headers['prefer'])
      let stored = undefined
      if (waitS === undefined) stored = await queue.add(job)
      else {
        reply.header('preference-applied', `wait=${waitS}`)
        const limits = { ms: waitS * 1000, response: reply.raw, closing: deps.closing }
        stored = await waitForJob(deps, job.ref, limits, () => queue.add(job))
      }
      if (!stored) throw new Error('a job vanished while it was waited for')
      reply.header('location', jobPath(job.ref.id))
      if (!stored.done && !(await queue.isConsumed(job.ref.queue))) {
        // The job is accepted and waits; the client may want to tell somebody (RFC 7234, section 5.5).
        reply.header('warning', `199 drover "no worker consumes the queue ${job.ref.queue} at the moment"`)
        request.log.warn(
          { queue: job.ref.queue, job: job.ref.id },
          'a job was accepted that no worker takes at the moment',
        )
      }
      return reply.code(stored.done ? 200 : 202).send(jobResource(stored, config.RESULT_TTL_MS))
    },
  })
}
