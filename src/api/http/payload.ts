import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { readRange } from './byte-range.ts'
import { dropWhenStalled } from './drop-when-stalled.ts'
import { etagOf, knownTag } from './etag.ts'
import { Problem } from './problem.ts'

/** JSON that a client reads by itself, whole or in parts. */
export interface Payload {
  etag: string
  bytes: number
  read: (from: number, to: number) => AsyncIterable<Buffer> | Buffer[]
}

/** A value that is in memory. */
export function payloadOf(value: unknown): Payload {
  const json = Buffer.from(JSON.stringify(value))
  return { etag: etagOf(json), bytes: json.length, read: (from, to) => [json.subarray(from, to)] }
}

/**
 * Answers with a payload, or with the part of it that the client asks for; 304 when the client has it.
 *
 * @param name for people @throws Problem `range_not_satisfiable`
 */
export function answerPayload(
  request: FastifyRequest,
  reply: FastifyReply,
  { etag, bytes, read }: Payload,
  name: 'input' | 'output',
): FastifyReply {
  const validators = { etag, 'cache-control': 'no-cache' }
  reply.header('accept-ranges', 'bytes')
  const known = knownTag(request.headers['if-none-match'], etag)
  if (known !== undefined)
    return reply
      .headers({ ...validators, etag: known })
      .code(304)
      .send()

  const { range, 'if-range': ifRange } = request.headers
  // Ranges are defined for GET only (RFC 9110, section 14.2).
  const applies = request.method === 'GET' && (ifRange === undefined || ifRange === etag)
  const asked = readRange(applies ? range : undefined, bytes)
  if (asked.kind === 'unsatisfiable') {
    reply.header('content-range', `bytes */${bytes}`)
    throw new Problem('range_not_satisfiable', `The ${name} has ${bytes} bytes.`)
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
}
