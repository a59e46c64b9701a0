import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { newJobRef, timeOfUlid, ulidOf, ulidTime } from '../../queue/model/job-id.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { admitJobs, chargeRequests, withdrawJobs } from '../access/admission.ts'
import { bodyBytes } from '../access/limit-bodies.ts'
import type { RouteDeps } from '../deps.ts'
import { asJsonText } from '../http/answer-when-done.ts'
import { idempotencyKey } from '../http/idempotency-key.ts'
import { applyPreference, preferredReturn } from '../http/prefer-header.ts'
import { Problem, problemDetails, problemSchema } from '../http/problem.ts'
import { documentedOnly } from '../http/validation.ts'
import { named, stateField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { jobEnvelope } from '../submission/job-options.ts'
import { parseJob, type SubmissionContext } from '../submission/parse-job.ts'
import { submissionContext } from '../submission/submission-context.ts'
import { byBodyAndPrefer, submissionHeaders, submissionProblems } from '../submission/submit.ts'
import { jobResource, smallJob } from './job-resource.ts'
import { jobSubmissions } from './job-submissions.ts'
import { notStored, readAll } from './read-batch.ts'
import { lacksResult, type Parsed, type Shown, storeAll, validOf } from './store-batch.ts'

const maxJobs = 10_000
/** For so long jobs are checked, or written as JSON, before others have a turn of the event loop. */
const turnMs = 5
/** Characters of problems in an answer; those that come behind say less. */
const maxProblems = 2_000_000
const maxShortDetail = 200
const path = '/v1/jobs/batch'

const envelope = z.strictObject({ jobs: z.array(z.unknown()).min(1).max(maxJobs) })

const documented = named(
  'JobBatch',
  z.strictObject({
    jobs: z
      .array(named('BatchSubmission', jobEnvelope))
      .min(1)
      .max(maxJobs)
      .describe('Each as the body of `POST /v1/jobs`, with the `input` of its type'),
  }),
)

const itemSchema = named(
  'BatchItem',
  z.object({
    status: z
      .int()
      .describe(
        '202: the job is stored; 200: another stands for it (`unique`). Else as the answer to `POST /v1/jobs` would have it',
      ),
    job: named(
      'BatchJob',
      z
        .looseObject({ id: z.string(), state: stateField, links: z.object({ self: z.string(), events: z.string() }) })
        .describe('With `Prefer: return=representation` it has all fields of a job'),
    ).optional(),
    problem: problemSchema.optional().describe('Why there is no job. Its pointers lead into the body of the batch'),
  }),
)

const preferHeader = z
  .string()
  .optional()
  .describe(
    '`return=representation`: answer with whole jobs; `return=minimal`: with `id`, `state` and `links` of each, which is the default. A batch does not wait',
  )

/** `POST /v1/jobs/batch`: many independent submissions in one request. */
export function submitBatch(app: FastifyInstance, deps: RouteDeps): void {
  const { retention, quotas, admission, queue } = deps
  app.post('/v1/jobs/batch', {
    config: { access: 'submit', isSubmission: true },
    schema: {
      operationId: 'submitBatch',
      summary: 'Submit many jobs at once',
      description:
        'Up to 10,000 jobs that do not depend on each other; each has its own result, in the order given. A job that is not valid keeps none of the others away. There is room for all valid ones, or the request is refused and nothing is stored. Counts as one request for each job. With an `Idempotency-Key` the ids follow from its first use and the place in the list.',
      tags: ['jobs'],
      headers: submissionHeaders('job').extend({ prefer: preferHeader }),
      body: documentedOnly(documented),
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse(
          'A result for each job, in the order given',
          named('BatchResult', z.object({ items: z.array(itemSchema) })),
          {
            headers: {
              'idempotent-replayed': '`true`: the key was used before, and these are its jobs',
              'preference-applied':
                '`return=representation`: whole jobs; `return=minimal`: as without the preference, `id`, `state` and `links` of each',
            },
          },
        ),
        ...problemResponses(...submissionProblems.filter((code) => code !== 'unknown_job_type')),
      },
    },
    handler: async (request, reply) => {
      const given = parseEnvelope(request.body)
      const parsed = await parseAll(given.jobs, submissionContext(request, deps))
      // What all take is admitted together: a job that is refused, or that another stands for, gives about its part back.
      const share = bodyBytes(request) / parsed.length
      const jobs = jobSubmissions(deps, { ...byBodyAndPrefer, bytesOf: () => share })
      const preference = preferredReturn(request.headers['prefer'])
      const isWhole = preference === 'representation'
      const key = idempotencyKey(request.headers['idempotency-key'])
      const base = key === undefined ? undefined : await claimBatch(request, reply, parsed, { deps, key })
      const named = base?.jobs ?? parsed
      if (!base) await admit(request, reply, named, { quotas, admission })
      const stored =
        base?.note === undefined
          ? await storeAll(named, queue, jobs, request)
          : await readAll(named, base.note, { queue, caller: request.caller })
      if (base && base.note === undefined) await deps.idempotency.markStored(base, notStored(named, stored))
      if (base?.isReplay) reply.header('idempotent-replayed', 'true')
      if (preference) applyPreference(reply, `return=${preference}`)
      const show = (job: StoredJob) =>
        isWhole ? JSON.stringify(jobResource(job, retention, request.caller)) : smallJob(job)
      reply.type('application/json; charset=utf-8').serializer(asJsonText)
      return reply.send(await toJson(named, stored, show))
    },
  })
}

/** @throws Problem */
function parseEnvelope(body: unknown): z.output<typeof envelope> {
  const parsed = envelope.safeParse(body)
  if (parsed.success) return parsed.data
  const mistakes = parsed.error.issues.map(({ path: at, message }) => ({
    pointer: at.map((part) => `/${String(part)}`).join(''),
    detail: message,
  }))
  throw new Problem('invalid_request', `The body must be { "jobs": [ … ] } with 1 to ${maxJobs} submissions.`, {
    mistakes,
  })
}

async function parseAll(jobs: unknown[], context: SubmissionContext): Promise<Parsed[]> {
  const parsed: Parsed[] = []
  let since = performance.now()
  for (const [n, body] of jobs.entries()) {
    if (performance.now() - since > turnMs) {
      await nextTurn()
      since = performance.now()
    }
    try {
      parsed.push(parseJob(body, context, `/jobs/${n}`))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      parsed.push(error)
    }
  }
  return parsed
}

type Batch = { jobs: Parsed[]; isReplay: boolean; note: string | undefined; name: string; id: string }

/**
 * Claims the key once there is room, as a single submission does: a refusal leaves no claim.
 *
 * @returns `jobs`: with the ids that follow from the claim. `note`: all of them were stored, but for those that it names
 */
async function claimBatch(
  request: FastifyRequest,
  reply: FastifyReply,
  parsed: Parsed[],
  { deps, key }: { deps: RouteDeps; key: string },
): Promise<Batch> {
  const { idempotency, quotas, admission } = deps
  const { tenant } = request.caller
  // Not what a flow or a single job claims with the same body.
  const claimed = { batch: request.body }
  const ref = newJobRef('batch', redisNow())
  let claim = await idempotency.find(tenant, key, claimed)
  let jobs = parsed
  if (!claim) {
    // What is admitted has the ids that are stored: by them the places are given back.
    jobs = withIdsOf(parsed, ref.id)
    await admit(request, reply, jobs, { quotas, admission })
    claim = await idempotency.claim(tenant, key, claimed, ref)
    const refs = validOf(jobs).map(({ ref: one }) => one)
    if (claim.status !== 'first') await withdrawJobs(admission, request.caller, refs, bodyBytes(request))
  }
  if (claim.status === 'conflict' || claim.status === 'evicted') {
    const detail = 'This Idempotency-Key was already used with a different body: use a new key for a new request.'
    throw new Problem('idempotency_key_reused', detail)
  }
  const isReplay = claim.status === 'replay'
  const { id } = claim.status === 'replay' ? claim.ref : ref
  if (isReplay) jobs = withIdsOf(parsed, id)
  const note = isReplay ? await idempotency.storedNote(claim) : undefined
  return { jobs, isReplay, note, name: claim.name, id }
}

/** All or none. @throws Problem */
async function admit(
  request: FastifyRequest,
  reply: FastifyReply,
  parsed: Parsed[],
  { quotas, admission }: Pick<RouteDeps, 'quotas' | 'admission'>,
): Promise<void> {
  const refs = validOf(parsed).map(({ ref }) => ref)
  await chargeRequests(quotas, request.caller, reply, parsed.length)
  if (refs.length > 0) await admitJobs(admission, request.caller, refs, bodyBytes(request))
}

const base32 = '0123456789abcdefghjkmnpqrstvwxyz'

/** Gives the jobs the ids that follow from the id of a claim and from their places. */
function withIdsOf(parsed: Parsed[], claimed: string): Parsed[] {
  const time = ulidTime(timeOfUlid(ulidOf(claimed)))
  return parsed.map((job, n) => {
    if (job instanceof Problem) return job
    const digest = createHash('sha256').update(`${claimed} ${n}`).digest().subarray(0, 16)
    const random = Array.from(digest, (byte) => base32[byte % base32.length]).join('')
    return { ...job, ref: { queue: job.ref.queue, id: `${job.ref.queue}_${time}${random}` } }
  })
}

/** @param stored of those that are no problem, in order */
async function toJson(
  parsed: Parsed[],
  stored: (Shown | Problem)[],
  show: (job: StoredJob) => string,
): Promise<string> {
  const texts: string[] = []
  let next = 0
  let left = maxProblems
  let since = performance.now()
  for (const given of parsed) {
    if (performance.now() - since > turnMs) {
      await nextTurn()
      since = performance.now()
    }
    const job = given instanceof Problem ? given : (stored[next++] ?? lacksResult())
    if (job instanceof Problem) {
      const { errors, ...problem } = problemDetails(job, path)
      const whole = JSON.stringify({ status: problem.status, problem: { ...problem, ...(errors && { errors }) } })
      left -= whole.length
      const short = { ...problem, detail: cutText(problem.detail, maxShortDetail) }
      texts.push(left > 0 ? whole : JSON.stringify({ status: problem.status, problem: short }))
    } else texts.push(`{"status":${job.deduplicated ? 200 : 202},"job":${show(job)}}`)
  }
  return `{"items":[${texts.join(',')}]}`
}
