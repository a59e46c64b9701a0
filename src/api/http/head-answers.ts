import type { FastifyInstance, onSendHookHandler } from 'fastify'

const withoutLength = [204, 304]

/** Fastify gives answers to HEAD that have no body `content-length: 0`, which 204 must not have, and which is wrong for 304. */
export function trimHeadAnswers(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.method === 'HEAD') route.onSend = [...[route.onSend ?? []].flat(), dropLength]
  })
}

const dropLength: onSendHookHandler = (_request, reply, payload, done) => {
  if (withoutLength.includes(reply.statusCode)) reply.removeHeader('content-length')
  done(null, payload)
}
