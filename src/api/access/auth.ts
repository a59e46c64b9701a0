import type { FastifyInstance } from 'fastify'
import { Problem } from '../http/problem.ts'
import { type ApiKeys, anonymousCaller, type Caller } from './api-keys.ts'
import { type Scope } from './keys-file.ts'

/** The scope that a route requires; `public`: no key at all. */
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
 * Lets a request reach its route only with the scope of the route's `config.access`. A route without one cannot be added. Without
 * keys the API runs without authentication.
 */
export function authorizeRequests(app: FastifyInstance, keys: ApiKeys | undefined): void {
  app.decorateRequest('caller')
  app.addHook('onRoute', (route) => {
    if (!route.config?.access) throw new Error(`${String(route.method)} ${route.url} has no config.access`)
  })
  app.addHook('onRequest', (request, reply, done) => {
    request.caller = anonymousCaller
    // A path without a route is answered with 404 to every client.
    const { access = 'public' } = request.routeOptions.config
    if (!keys || access === 'public') return done()
    const caller = keys.authenticate(request.headers.authorization, Date.now(), request.socket)
    if (!caller) {
      reply.header('www-authenticate', 'Bearer')
      return done(new Problem('unauthenticated', 'Send a valid API key: authorization: Bearer <id>.<secret>'))
    }
    if (!caller.scopes.has(access))
      return done(new Problem('forbidden', `This key does not have the scope "${access}".`))
    request.caller = caller
    return done()
  })
}
