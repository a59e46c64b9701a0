import type { FastifyReply, FastifyRequest } from 'fastify'
import { varyAsWith } from './compress-answers.ts'
import { etagOf, knownTag } from './etag.ts'
import type { Hold } from './hold.ts'
import { preferredWaitS } from './prefer-header.ts'
import type { Problem } from './problem.ts'
import { serverTiming, type Timing } from './server-timing.ts'
import { type Awaited, waitWithHeader } from './wait-until-done.ts'

/** A Fastify serializer for a body that is JSON text already. */
export const asJsonText = (body: unknown): string => String(body)

/** A job or a flow that a client reads: what differs between the two. */
interface Target<T> {
  path: string
  /** The first read. @throws Problem when it is not there */
  read(): Promise<T | undefined>
  awaited(): Awaited<T>
  notFound(): Problem
  /** The times of its end. */
  timing(ended: T): Timing
  /** The body of the answer. */
  resource(value: T): unknown
}

/**
 * Answers with something as it is, or with its end where the request has a `Prefer: wait`: 200, 202 when it is not done after that,
 * or 304 when the client has just that. A wait takes a `hold`.
 *
 * @throws Problem
 */
export async function answerWhenDone<T extends { done: boolean }>(
  request: FastifyRequest,
  reply: FastifyReply,
  { closing, hold }: { closing: AbortSignal; hold: () => Hold },
  target: Target<T>,
): Promise<FastifyReply> {
  const waitS = preferredWaitS(request.headers['prefer'])
  const value =
    waitS === undefined
      ? await target.read()
      : await waitWithHeader(waitS, reply, { closing, hold: hold() }, target.awaited(), () => target.read())
  if (!value) throw target.notFound()
  if (waitS !== undefined) {
    reply.header('location', target.path)
    if (value.done) reply.header('server-timing', serverTiming(target.timing(value)))
  }
  const body = JSON.stringify(await target.resource(value))
  const etag = etagOf(body)
  const known = knownTag(request.headers['if-none-match'], etag)
  reply.header('etag', known ?? etag).header('cache-control', 'no-cache')
  if (known !== undefined) return varyAsWith(reply, body).code(304).send()
  return reply
    .code(waitS !== undefined && !value.done ? 202 : 200)
    .type('application/json; charset=utf-8')
    .serializer(asJsonText)
    .send(body)
}
