import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { fenceOf } from '../../jobs/fence.ts'
import { decodeSignal, signalOfField } from '../../jobs/job-wait.ts'
import { maskedAt, maskSecrets, redactorOf } from '../../jobs/secrets.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import type { RouteDeps } from '../deps.ts'
import { stateField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { findJob, jobParams } from './find-job.ts'
import { jobSchema } from './job-resource.ts'

const replaySchema = z.object({
  id: z.string(),
  type: z.string(),
  type_version: jobSchema.shape.type_version,
  state: stateField,
  attempt: z.int(),
  max_attempts: z.int(),
  timeout_ms: z.int().nullable(),
  input: z.unknown().describe('Whole, with `***` for secrets'),
  secrets: z.array(z.string()).describe('JSON Pointers into the input, of the secrets'),
  fence: z.int().describe('`job.fence` of its last start'),
  restored: z
    .unknown()
    .describe('The last checkpoint. Null where there is none, as of a job that was canceled or has succeeded'),
  steps: z.record(z.string(), z.unknown()).describe('Results of steps by their names, likewise'),
  signals: z.record(z.string(), z.unknown()).describe('Payloads of signals by their names, likewise'),
})

/** `POST /v1/jobs/{id}/replay`: what a start of the job gets. A POST, since it is noted in the audit log; nothing is changed. */
export function replayJob(app: FastifyInstance, { queue }: RouteDeps): void {
  app.post<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id/replay', {
    config: { access: 'admin' },
    schema: {
      operationId: 'replayJob',
      summary: 'Read what a start of a job gets',
      description:
        'Its input and what it has kept for its next start, also after it has failed, for `drover replay`, which runs a job again in a terminal. Changes nothing, and is noted in the audit log. Secrets of the input are `***`, also where the state has them.',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('What its next start gets, or would get', replaySchema),
        ...problemResponses('job_not_found', 'job_evicted', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const job = await findJob(queue, request, request.params.id, 'whole')
      return reply.send(await replayOf(queue, job))
    },
  })
}

async function replayOf(queue: JobQueue, job: StoredJob): Promise<z.output<typeof replaySchema>> {
  const { record } = job
  const paths = record.secrets?.input ?? []
  const input = maskSecrets(record.input ?? null, paths)
  const { state, steps, answers = {} } = await queue.readKept(job)
  const signals = Object.entries(answers).flatMap(([field, value]) => {
    const name = signalOfField(field)
    return name === undefined ? [] : [{ name, ...decodeSignal(value) }]
  })
  const inOrder = signals.toSorted((a, b) => a.order - b.order)
  const redact = redactorOf(record.input, paths) ?? (<T>(value: T) => value)
  return {
    ...{ id: job.id, type: job.type, type_version: record.typeVersion ?? null, state: job.state },
    ...{ attempt: job.attempt, max_attempts: job.maxAttempts, timeout_ms: record.timeoutMs ?? null },
    fence: fenceOf(job.run, Math.max(1, job.startCount)),
    input,
    secrets: maskedAt(input, paths),
    restored: state === undefined ? null : redact(JSON.parse(state.json)),
    steps: redact(Object.fromEntries(Object.entries(steps).map(([name, json]) => [name, JSON.parse(json)]))),
    signals: redact(Object.fromEntries(inOrder.map(({ name, json }) => [name, JSON.parse(json)]))),
  }
}
