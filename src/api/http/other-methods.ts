import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from './problem.ts'
import { routeOf } from './route-of.ts'

/** A path as routes write it, and the methods that it has. */
interface KnownPath {
  pattern: RegExp
  methods: Set<string>
}

/**
 * Answers requests that no route takes, before their body is read: OPTIONS with 204 and `Allow`, a known path with another method with
 * 405 and `Allow` (https://www.rfc-editor.org/rfc/rfc9110#name-405-method-not-allowed), and what is left with 404. Add it before the
 * routes, and after the hook that answers preflights with their headers.
 */
export function answerOtherMethods(app: FastifyInstance): void {
  const paths = new Map<string, KnownPath>()
  app.addHook('onRoute', ({ url, method }) => {
    const path = paths.get(url) ?? { pattern: patternOf(url), methods: new Set(['OPTIONS']) }
    for (const one of [method].flat()) path.methods.add(one)
    paths.set(url, path)
  })

  // A slash at the end does not count, as for the router.
  const exactly = (path: string) => paths.get(path) ?? (path.endsWith('/') ? paths.get(path.slice(0, -1)) : undefined)
  const allowedAt = (path: string): Set<string> => {
    const exact = exactly(path)
    if (exact) return exact.methods
    // `*` stands for the server.
    const plain = path.replace(/(?<=.)\/$/, '')
    const known = [...paths.values()].filter(({ pattern }) => path === '*' || pattern.test(plain))
    return new Set(known.flatMap(({ methods }) => [...methods]))
  }

  app.addHook('onRequest', (request, reply, done) => {
    // Most requests name a path as its route does.
    if (request.url === routeOf(request).url && request.method !== 'OPTIONS') return done()
    const [path = ''] = request.url.split('?', 1)
    // `/v1/jobs/batch` has no GET, though the router takes it for one of `/v1/jobs/:id`.
    const isOther = exactly(path)?.methods.has(request.method) === false
    if (!request.is404 && !isOther && request.method !== 'OPTIONS') return done()
    const allowed = allowedAt(path)
    if (request.method === 'OPTIONS' && (allowed.size > 0 || isPreflight(request, reply))) {
      reply.code(204).headers(allowHeader(allowed)).send()
      return
    }
    // A parameter that is too long for the router leaves no route for a method that the path has.
    if (allowed.size === 0 || allowed.has(request.method)) return done(notFound(request.method, path))
    return done(
      new Problem('method_not_allowed', `${path} has no ${request.method}.`, { headers: allowHeader(allowed) }),
    )
  })
}

/** The problem of a path that no route has. */
export function notFound(method: string, path: string): Problem {
  return new Problem('route_not_found', `There is no ${method} ${path}.`)
}

/** A front end learns that a path is unknown by its own request, which follows the preflight. */
function isPreflight({ headers }: FastifyRequest, reply: FastifyReply): boolean {
  return headers['access-control-request-method'] !== undefined && reply.hasHeader('access-control-allow-methods')
}

function allowHeader(allowed: Set<string>): Record<string, string> {
  return allowed.size > 0 ? { allow: [...allowed].sort().join(', ') } : {}
}

/** `/v1/jobs/:id/*` as a regular expression. */
function patternOf(url: string): RegExp {
  const parts = url.split(/(:\w+|\*)/).map((part) => {
    if (part === '*') return '.*'
    return part.startsWith(':') ? '[^/]*' : RegExp.escape(part)
  })
  return new RegExp(`^${parts.join('')}$`)
}
