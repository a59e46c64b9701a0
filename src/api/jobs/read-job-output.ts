import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { maskSecrets } from '../../jobs/secrets.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { OutputGoneError } from '../../queue/store/job-output.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'
import type { RouteDeps } from '../deps.ts'
import { readRange } from '../http/byte-range.ts'
import { dropWhenStalled } from '../http/drop-when-stalled.ts'
import { etagOf, isKnown } from '../http/etag.ts'
import { Problem } from '../http/problem.ts'
import { emptyResponse, jsonResponse, problemResponses } from '../openapi/responses.ts'
import { findJob, jobNotFound, jobParams } from './find-job.ts'

const requestHeaders = z.object({
  range: z.string().optional().describe('`bytes=from-to`, `bytes=from-` or `bytes=-last`: one part of the output'),
  'if-range': z
    .string()
    .optional()
    .describe('The `ETag` of the output that the client has a part of: a different output is sent whole'),
  'if-none-match': z.string().optional().describe('The `ETag` of the output that the client has'),
})

const outputHeaders = {
  etag: 'Identifies the output',
  'accept-ranges': '`bytes`',
  'cache-control': '`no-cache`: reuse it after a request with `If-None-Match` only',
}

/** `GET /v1/jobs/{id}/output`: the output of a job alone, as JSON of any size, in parts where the client asks for a range. */
export function readJobOutput(app: FastifyInstance, { queue }: RouteDeps): void {
  app.get<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id/output', {
    config: { access: 'read' },
    schema: {
      operationId: 'readJobOutput',
      summary: "Read a job's output",
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      headers: requestHeaders,
      response: {
        200: jsonResponse('The output', z.unknown(), {
          headers: outputHeaders,
          example: { count: 25, largest: 97 },
        }),
        206: jsonResponse(
          'The part of the output that `Range` asks for: bytes, which are not JSON by themselves',
          z.unknown(),
          {
            headers: { ...outputHeaders, 'content-range': '`bytes from-to/size`' },
          },
        ),
        304: emptyResponse('The output is as the client has it', outputHeaders),
        ...problemResponses(
          'job_not_found',
          'job_not_done',
          'job_has_no_output',
          'range_not_satisfiable',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const job = await findJob(queue, request, id)
      const { etag, bytes, read } = await outputOf(job, queue)
      const validators = { etag, 'cache-control': 'no-cache' }
      reply.header('accept-ranges', 'bytes')
      if (isKnown(request.headers['if-none-match'], etag)) return reply.headers(validators).code(304).send()

      const { range, 'if-range': ifRange } = request.headers
      // Ranges are defined for GET only (RFC 9110, section 14.2).
      const applies = request.method === 'GET' && (ifRange === undefined || ifRange === etag)
      const asked = readRange(applies ? range : undefined, bytes)
      if (asked.kind === 'unsatisfiable') {
        reply.header('content-range', `bytes */${bytes}`)
        throw new Problem('range_not_satisfiable', `The output has ${bytes} bytes.`)
      }
      const { from, to } = asked.kind === 'part' ? asked : { from: 0, to: bytes }
      if (asked.kind === 'part') reply.code(206).header('content-range', `bytes ${from}-${to - 1}/${bytes}`)
      reply
        .headers(validators)
        .type('application/json; charset=utf-8')
        .header('content-length', to - from)
      const stopWatching = dropWhenStalled(reply.raw)
      reply.raw.once('close', stopWatching)
      // The body of an answer to HEAD is not sent.
      return reply.send(Readable.from(request.method === 'HEAD' ? [] : read(from, to), { objectMode: false }))
    },
  })
}

interface Output {
  etag: string
  bytes: number
  read: (from: number, to: number) => AsyncIterable<Buffer> | Buffer[]
}

/** @throws Problem when the job has no output */
async function outputOf(job: StoredJob, queue: JobQueue): Promise<Output> {
  if (!job.done) throw new Problem('job_not_done', `The job is ${job.state}: it has no output yet.`)
  if (job.state !== 'succeeded')
    throw new Problem('job_has_no_output', `The job ended as ${job.state} and has no output: see its error.`)
  const { storedOutput, record } = job
  const secrets = record.secrets?.output
  if (!storedOutput) return whole(maskSecrets(job.output ?? null, secrets))
  if (secrets) {
    const chunks = await Array.fromAsync(
      orNotFound(queue.streamOutput(job, storedOutput, 0, storedOutput.bytes), job.id),
    )
    return whole(maskSecrets(JSON.parse(Buffer.concat(chunks).toString()), secrets))
  }
  return {
    etag: `"${storedOutput.name}"`,
    bytes: storedOutput.bytes,
    read: (from, to) => orNotFound(queue.streamOutput(job, storedOutput, from, to), job.id),
  }
}

function whole(output: unknown): Output {
  const json = Buffer.from(JSON.stringify(output))
  return { etag: etagOf(json), bytes: json.length, read: (from, to) => [json.subarray(from, to)] }
}

/** The job may be deleted while it is read. In the middle of an answer that breaks the connection off, since its length was announced. */
async function* orNotFound(chunks: AsyncIterable<Buffer>, id: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* chunks
  } catch (error) {
    throw error instanceof OutputGoneError ? jobNotFound(id) : error
  }
}
