import type { FastifyInstance } from 'fastify'
import { redisNow } from '../../queue/model/redis-time.ts'
import { Problem } from '../http/problem.ts'
import { routeOf } from '../http/route-of.ts'
import { type ApiKeys, anonymousCaller, type Caller } from './api-keys.ts'
import { askForKey, bearerOf } from './ask-browser.ts'
import { type Scope } from './keys-file.ts'
import { FailureThrottle } from './throttle-failures.ts'
import type { Watch } from './watch.ts'
import { hideToken, takeToken, type WatchTokens } from './watch-tokens.ts'

/** The scope that a route requires; `any`: a key with any scope, and the route looks at them; `public`: no key at all. */
export type Access = Scope | 'any' | 'public'

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
  interface FastifyContextConfig {
    access?: Access
    /** What a watch token may read here: the job or flow that the path names. */
    watch?: Watch['kind']
    /** A page for people: a browser is asked for the key. */
    isPage?: boolean
  }
}

/**
 * Lets a request reach its route only with the scope of the route's `config.access`. A route without one cannot be added. Without
 * keys the API runs without authentication. `onFailure` is called for each key that is not valid.
 */
export function authorizeRequests(
  app: FastifyInstance,
  keys: ApiKeys | undefined,
  onFailure: (outcome: 'refused' | 'throttled') => void,
  tokens: WatchTokens,
): void {
  const throttle = new FailureThrottle()
  app.decorateRequest('caller')
  app.addHook('onRoute', (route) => {
    if (!route.config?.access) throw new Error(`${String(route.method)} ${route.url} has no config.access`)
  })
  app.addHook('onRequest', (request, reply, done) => {
    request.caller = anonymousCaller
    hideToken(request)
    // A path without a route is answered with 404 to every client.
    const { access = 'public', isPage = false, watch } = routeOf(request).config
    const { authorization } = request.headers
    const token = watch === undefined ? undefined : takeToken(request)
    if (token === undefined && (!keys || access === 'public')) return done()
    const caller =
      token === undefined
        ? keys?.authenticate(isPage ? bearerOf(authorization) : authorization, Date.now(), request.socket)
        : tokens.authenticate(token, redisNow())
    if (!caller) {
      const isTry = authorization !== undefined || token !== undefined
      const retryAfterS = isTry ? throttle.fail(request.ip, performance.now()) : 0
      if (isTry) onFailure(retryAfterS > 0 ? 'throttled' : 'refused')
      if (retryAfterS > 0) reply.header('connection', 'close')
      else if (isPage && askForKey(request, reply)) return
      return done(retryAfterS > 0 ? throttled(retryAfterS) : noValidKey())
    }
    request.caller = caller
    if (caller.watch && !isAbout(caller.watch, watch, request.params))
      return done(new Problem('forbidden', 'This token is for another job or flow.'))
    if (access !== 'any' && access !== 'public' && !caller.scopes.has(access))
      return done(new Problem('forbidden', `This key does not have the scope "${access}".`))
    return done()
  })
}

function isAbout({ kind, id }: Watch, of: Watch['kind'] | undefined, params: unknown): boolean {
  const named: { id?: unknown } = Object(params)
  return kind === of && id === named.id
}

function noValidKey(): Problem {
  return new Problem('unauthenticated', 'Send a valid API key: authorization: Bearer <id>.<secret>')
}

function throttled(retryAfterS: number): Problem {
  const detail = 'This API key is not valid, and too many requests of your address had no valid key.'
  return new Problem('authentication_throttled', detail, { retryAfterS })
}
