import type { FastifyReply } from 'fastify'

/** Tells caches that an answer depends on a request header, besides those that it names already. */
export function addVary(reply: FastifyReply, name: string): FastifyReply {
  const before = reply.getHeader('vary')
  return reply.header('vary', before === undefined ? name : `${String(before)}, ${name}`)
}
