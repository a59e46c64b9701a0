import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { Claim } from '../../queue/store/idempotency-keys.ts'
import type { NewJob } from '../../queue/store/job-queue.ts'
import { admitJob } from '../access/admission.ts'
import type { RouteDeps } from '../deps.ts'
import { idempotencyKey } from '../http/idempotency-key.ts'
import { preferredWaitS } from '../http/prefer-header.ts'
import { Problem } from '../http/problem.ts'
import { documentedOnly } from '../http/validation.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { jobNotFound, jobPath } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'
import { parseSubmission, submissionSchema } from './parse-submission.ts'
import { waitForJob, waitForNewJob } from './wait-for-job.ts'

type KeptClaim = Exclude<Claim, { status: 'conflict' }>

const headers = z.object({
  prefer: z.string().optional().describe('`wait=N`: hold the answer until the job is done, at most N (60) seconds'),
  'idempotency-key': z
    .string()
    .optional()
    .describe('The same key and body are the same job, however often they are sent'),
  traceparent: z.string().optional().describe('W3C Trace Context; kept with the job'),
})

const answerHeaders = {
  location: 'Where the job can be read',
  'preference-applied': '`wait=N`: how long the answer was held at most, in seconds',
  'idempotent-replayed': '`true`: the key was used before, and this is its job',
}

/** `POST /v1/jobs`: store a job, and wait for it when asked to. */
export function submitJob(app: FastifyInstance, deps: RouteDeps): void {
  const { queue, hub, registry, config, idempotency, schemas } = deps

  const claimKey = async (request: FastifyRequest, { ref }: NewJob): Promise<KeptClaim | undefined> => {
    const key = idempotencyKey(request.headers['idempotency-key'])
    if (key === undefined) return undefined
    const claim = await idempotency.claim(request.caller.tenant, key, request.body, ref)
    if (claim.status !== 'conflict') return claim
    throw new Problem(
      'idempotency_key_reused',
      'This Idempotency-Key was used with another body: use a new one for a new request.',
    )
  }

  type Admit = (job: NewJob) => Promise<void>
  const store = async (job: NewJob, claim: KeptClaim | undefined, admit: Admit): Promise<StoredJob> => {
    if (!claim) {
      await admit(job)
      return queue.add(job)
    }
    // Whoever claimed first may have died before the job was stored, or be about to store it: an add that comes second is
    // none, and what is stored is then the other's.
    const isReplay = claim.status === 'replay'
    let stored = isReplay ? await queue.read(job.ref) : undefined
    if (!stored) {
      await admit(job)
      const added = await queue.add(job)
      stored = isReplay ? await queue.read(job.ref) : added
      if (!stored)
        throw new Problem('queue_unavailable', 'The job of this Idempotency-Key is just being deleted: try again.', {
          retryAfterS: 1,
        })
    }
    await idempotency.keep(claim, job.ref)
    return stored
  }

  app.post('/v1/jobs', {
    config: { access: 'submit' },
    schema: {
      operationId: 'submitJob',
      summary: 'Submit a job',
      tags: ['jobs'],
      headers,
      body: documentedOnly(submissionSchema(registry, schemas)),
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('With `Prefer: wait`: the finished job', jobSchema, { headers: answerHeaders }),
        202: jsonResponse('The job was accepted', jobSchema, {
          headers: { ...answerHeaders, warning: 'Nobody consumes the queue at the moment' },
        }),
        ...problemResponses(
          'unknown_job_type',
          'job_not_found',
          'idempotency_key_reused',
          'payload_too_large',
          'too_many_members',
          'unsupported_media_type',
          'queue_full',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const asked = parseSubmission(request.body, {
        registry,
        now: Date.now(),
        caller: request.caller,
        traceparent: request.headers['traceparent'],
        canSign: config.WEBHOOK_SECRETS.length > 0,
      })
      const claim = await claimKey(request, asked)
      const waitS = preferredWaitS(request.headers['prefer'])
      // Under a key another request may store the job, with another waiter.
      const waiter = waitS === undefined || claim ? undefined : hub.waiter
      const job = { ...asked, waiter, ...(claim?.status === 'replay' && { ref: claim.ref }) }
      if (claim?.status === 'replay') reply.header('idempotent-replayed', 'true')
      const begin = () => store(job, claim, (admitted) => admitJob(deps, request, reply, admitted))
      let stored: StoredJob | undefined
      if (waitS === undefined) stored = await begin()
      else {
        reply.header('preference-applied', `wait=${waitS}`)
        const limits = { ms: waitS * 1000, response: reply.raw, closing: deps.closing }
        stored = await (waiter === undefined ? waitForJob : waitForNewJob)(deps, job.ref, limits, begin)
      }
      // It has ended, and was removed while it was waited for.
      if (!stored) throw jobNotFound(job.ref.id)
      reply.header('location', jobPath(job.ref.id))
      if (!stored.done && !(await queue.isConsumed(job.ref.queue))) {
        // The job is accepted and waits; the client may want to tell somebody (RFC 7234, section 5.5).
        reply.header('warning', `199 drover "no worker consumes the queue ${job.ref.queue} at the moment"`)
        request.log.warn(
          { queue: job.ref.queue, job: job.ref.id },
          'a job was accepted that no worker takes at the moment',
        )
      }
      return reply.code(waitS !== undefined && stored.done ? 200 : 202).send(jobResource(stored, config.RESULT_TTL_MS))
    },
  })
}
