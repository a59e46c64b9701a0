import type { FastifyReply, FastifyRequest } from 'fastify'

/** Links to the next page of a list (RFC 8288): the same query behind `cursor`. No cursor, no link. */
export function linkNextPage(
  request: FastifyRequest,
  reply: FastifyReply,
  cursor: string | null,
  parameter = 'cursor',
): void {
  if (cursor === null) return
  const [path = '', query] = request.url.split('?', 2)
  const search = new URLSearchParams(query)
  search.set(parameter, cursor)
  reply.header('link', `<${path}?${search.toString()}>; rel="next"`)
}
