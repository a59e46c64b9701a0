import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { NewJob } from '../../queue/model/new-job.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import { admitJobs, withdrawJobs } from '../access/admission.ts'
import { bodyBytes } from '../access/limit-bodies.ts'
import type { RouteDeps } from '../deps.ts'
import { documentedOnly } from '../http/validation.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { readHops } from '../submission/hops.ts'
import { parseJob, submissionSchema } from '../submission/parse-job.ts'
import {
  type SubmissionKind,
  submissionHeaders,
  submissionProblems,
  submit,
  submittedHeaders,
} from '../submission/submit.ts'
import { awaitedJob, awaitedNewJob } from './awaited-job.ts'
import { jobNotFound, jobPath } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'

const responseHeaders = submittedHeaders('job')

function jobSubmissions(deps: RouteDeps): SubmissionKind<NewJob, StoredJob> {
  const { queue, hub, idempotency, admission } = deps
  return {
    name: 'job',
    cost: () => 1,
    admit: ({ ref }, request) => admitJobs(admission, request.caller, [ref], bodyBytes(request)),
    withdraw: ({ ref }, request) => withdrawJobs(admission, request.caller, [ref]),
    store: async (job, { known, isReplay, isAwaitedHere }) => {
      if (known) return known
      // Under a key another request may store the job, with the channel of another process.
      const added = await queue.add(isAwaitedHere ? { ...job, replyChannel: hub.replyChannel } : job)
      // Where another request has stored it meanwhile, this add was ignored.
      return isReplay ? queue.read(job.ref, undefined, 'small') : added
    },
    read: (ref) => queue.read(ref, undefined, 'small'),
    keep: (claim, ref) => idempotency.keep(claim, ref),
    awaited: (ref, isAwaitedHere) => (isAwaitedHere ? awaitedNewJob(deps, ref) : awaitedJob(deps, ref)),
    queuesOf: (stored) => [stored.queue],
    path: jobPath,
    notFound: jobNotFound,
  }
}

/** `POST /v1/jobs`: store a job, and wait for it when asked to. */
export function submitJob(app: FastifyInstance, deps: RouteDeps): void {
  const { registry, config, schemas } = deps
  const jobs = jobSubmissions(deps)
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
        requestId: request.id,
        hops: readHops(request.headers),
        indexed: config.INDEXED_METADATA,
        canSign: config.WEBHOOK_SECRETS.length > 0,
      })
      const accepted = await withHeldBy(deps.queue, await submit(request, reply, deps, jobs, job))
      return reply.send(jobResource(accepted, config.RESULT_TTL_MS, request.caller))
    },
  })
}

/** A job that was just added, with what holds its queue. */
async function withHeldBy(queue: JobQueue, job: StoredJob): Promise<StoredJob> {
  if (job.state !== 'queued' || job.heldBy) return job
  const held = await queue.heldBy(job.queue)
  return held ? { ...job, heldBy: { kind: held.kind, since: Math.max(held.since, job.createdAt) } } : job
}
