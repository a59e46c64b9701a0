import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { maskSecrets } from '../../jobs/secrets.ts'
import type { StoredJob, StoredOutput } from '../../queue/model/stored-job.ts'
import { OutputGoneError } from '../../queue/store/job-output.ts'
import { tokenParameter } from '../access/watch-tokens.ts'
import type { RouteDeps } from '../deps.ts'
import { asJsonText } from '../http/answer-when-done.ts'
import { answerPayload, type Payload, payloadOf } from '../http/payload.ts'
import { Problem } from '../http/problem.ts'
import { payloadRequestHeaders, payloadResponses } from '../openapi/payload.ts'
import { problemResponses } from '../openapi/responses.ts'
import { findJob, jobGone, jobParams } from './find-job.ts'

/** `GET /v1/jobs/{id}/output`: the output of a job alone, as JSON of any size, in parts where the client asks for a range. */
export function readJobOutput(app: FastifyInstance, deps: RouteDeps): void {
  app.get<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id/output', {
    config: { access: 'read', watch: 'job' },
    schema: {
      operationId: 'readJobOutput',
      summary: "Read a job's output",
      description: 'The output alone, of any size. A `Range` asks for a part of it.',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({ token: tokenParameter }),
      headers: payloadRequestHeaders('output'),
      response: {
        ...payloadResponses('output', { count: 25, largest: 97 }),
        ...problemResponses(
          'job_not_found',
          'job_evicted',
          'job_not_done',
          'job_has_no_output',
          'range_not_satisfiable',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const job = await findJob(deps.queue, request, id)
      return answerPayload(request, reply, await outputOf(job, deps), 'output')
    },
  })
}

/** Sends the output of a job that has succeeded as the whole body. */
export async function sendOutput(
  reply: FastifyReply,
  job: StoredJob,
  deps: Pick<RouteDeps, 'queue' | 'hub'>,
): Promise<FastifyReply> {
  reply.type('application/json; charset=utf-8')
  if (!job.storedOutput)
    return reply
      .serializer(asJsonText)
      .send(JSON.stringify(maskSecrets(job.output ?? null, job.record.secrets?.output)))
  const { bytes, read } = await outputOf(job, deps)
  reply.header('content-length', bytes)
  return reply.send(Readable.from(read(0, bytes), { objectMode: false }))
}

/** @throws Problem when the job has no output */
async function outputOf(job: StoredJob, deps: Pick<RouteDeps, 'queue' | 'hub'>): Promise<Payload> {
  if (!job.done) throw new Problem('job_not_done', `The job is ${job.state}: it has no output yet.`)
  if (job.state !== 'succeeded')
    throw new Problem('job_has_no_output', `The job ended as ${job.state} and has no output: see its error.`)
  const { storedOutput, record } = job
  const secrets = record.secrets?.output
  if (!storedOutput) return payloadOf(maskSecrets(job.output ?? null, secrets))
  if (secrets) {
    const chunks = await Array.fromAsync(readBeside(job, storedOutput, deps, 0, storedOutput.bytes))
    return payloadOf(maskSecrets(JSON.parse(Buffer.concat(chunks).toString()), secrets))
  }
  return {
    etag: `"${storedOutput.name}"`,
    bytes: storedOutput.bytes,
    read: (from, to) => readBeside(job, storedOutput, deps, from, to),
  }
}

/**
 * Reads a part of an output that is stored beside its job. The job is watched meanwhile, so that it is not evicted. A client may delete it all the
 * same: in the middle of an answer that breaks the connection off, since its length was announced.
 */
async function* readBeside(
  job: StoredJob,
  output: StoredOutput,
  { queue, hub }: Pick<RouteDeps, 'queue' | 'hub'>,
  from: number,
  to: number,
): AsyncGenerator<Buffer, void, undefined> {
  const stopWatching = await hub.watch(job, () => undefined)
  try {
    yield* queue.streamOutput(job, output, from, to)
  } catch (error) {
    throw error instanceof OutputGoneError ? await jobGone(queue, job, job.record.tenant) : error
  } finally {
    stopWatching()
  }
}
