import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { admitJob } from '../access/admission.ts'
import type { RouteDeps } from '../deps.ts'
import { documentedOnly } from '../http/validation.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { readHops } from '../submission/hops.ts'
import { parseJob, submissionSchema } from '../submission/parse-job.ts'
import { submissionHeaders, submissionProblems, submit, submittedHeaders } from '../submission/submit.ts'
import { awaitedJob, awaitedNewJob } from './awaited-job.ts'
import { jobNotFound, jobPath } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'

const responseHeaders = submittedHeaders('job')

/** `POST /v1/jobs`: store a job, and wait for it when asked to. */
export function submitJob(app: FastifyInstance, deps: RouteDeps): void {
  const { queue, hub, registry, config, idempotency, schemas } = deps
  app.post('/v1/jobs', {
    config: { access: 'submit' },
    schema: {
      operationId: 'submitJob',
      summary: 'Submit a job',
      tags: ['jobs'],
      headers: submissionHeaders('job'),
      body: documentedOnly(submissionSchema(registry, schemas)),
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('With `Prefer: wait`: the finished job', jobSchema, { headers: responseHeaders.done }),
        202: jsonResponse('The job was accepted', jobSchema, { headers: responseHeaders.accepted }),
        ...problemResponses(...submissionProblems, 'job_not_found'),
      },
    },
    handler: async (request, reply) => {
      const job = parseJob(request.body, {
        registry,
        now: Date.now(),
        caller: request.caller,
        traceparent: request.headers['traceparent'],
        hops: readHops(request.headers),
        canSign: config.WEBHOOK_SECRETS.length > 0,
      })
      const accepted = await submit<StoredJob>(request, reply, deps, {
        kind: 'job',
        ref: job.ref,
        queuesOf: (stored) => [stored.queue],
        admit: (ref) => admitJob(deps, request, reply, { ...job, ref }),
        store: async (ref, { known, isAwaitedHere }) => {
          if (known) return known
          // Under a key another request may store the job, with the channel of another process.
          const added = await queue.add({ ...job, ref, replyChannel: isAwaitedHere ? hub.replyChannel : undefined })
          // Where another request has stored it meanwhile, this add was ignored.
          return ref === job.ref ? added : queue.read(ref)
        },
        read: (ref) => queue.read(ref),
        keep: (held, ref) => idempotency.keep(held, ref),
        awaited: (ref, isAwaitedHere) => (isAwaitedHere ? awaitedNewJob(deps, ref) : awaitedJob(deps, ref)),
        path: jobPath,
        notFound: jobNotFound,
      })
      return reply.send(jobResource(accepted, config.RESULT_TTL_MS))
    },
  })
}
