import type { FastifyInstance } from 'fastify'
import { Problem } from '../http/problem.ts'
import { type ApiKeys, anonymousCaller, type Caller, type Scope } from './api-keys.ts'

/** What a route asks of a caller's key; `public`: nothing, not even a key. */
export type Access = Scope | 'public'

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
  interface FastifyContextConfig {
    access?: Access
  }
}

/**
 * Lets a request reach its route only with what the route's `config.access` asks for. A route that does not say what it
 * asks cannot be added. Without keys everybody may do everything.
 */
export function authorizeRequests(app: FastifyInstance, keys: ApiKeys | undefined): void {
  app.decorateRequest('caller')
  app.addHook('onRoute', (route) => {
    if (!route.config?.access) throw new Error(`${String(route.method)} ${route.url} does not say who may call it`)
  })
  app.addHook('onRequest', (request, reply, done) => {
    request.caller = anonymousCaller
    // Nothing is at an address without a route: whoever asks.
    const { access = 'public' } = request.routeOptions.config
    if (!keys || access === 'public') return done()
    const caller = keys.authenticate(request.headers.authorization, Date.now(), request.socket)
    if (!caller) {
      reply.header('www-authenticate', 'Bearer')
      return done(new Problem('unauthenticated', 'Send a valid key: authorization: Bearer <id>.<secret>'))
    }
    if (!caller.scopes.has(access)) return done(new Problem('forbidden', `This key has not the scope "${access}".`))
    request.caller = caller
    return done()
  })
}
