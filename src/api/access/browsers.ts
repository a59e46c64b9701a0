import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import { Problem } from '../http/problem.ts'

/** What a front end may read of an answer besides its body. */
const exposedHeaders = [
  'accept-ranges',
  'allow',
  'content-range',
  'deduplicated',
  'etag',
  'idempotent-replayed',
  'link',
  'location',
  'preference-applied',
  'ratelimit',
  'ratelimit-policy',
  'request-id',
  'retry-after',
  'server-timing',
  'warning',
]

/** How long a browser may keep the answer to a preflight, in seconds: two hours, the longest that Chromium takes. */
const preflightMaxAge = 7200

export interface BrowserOptions {
  /** Whether clients need a key: without one, whatever page a browser shows could use the API. */
  hasKeys: boolean
  /** Whether the API listens on a loopback address alone. */
  isOnLoopback: boolean
  /** Values of `host` that are allowed, with or without a port. With any, every other is refused. */
  allowedHosts: readonly string[]
  /** Origins of front ends; `*` is every origin. */
  corsOrigins: readonly string[]
}

/**
 * Lets the front ends of `corsOrigins` call the API (https://fetch.spec.whatwg.org/#http-cors-protocol). Add it before the routes, and before
 * the hook that asks for a key: a preflight has none.
 */
export async function allowFrontEnds(app: FastifyInstance, { corsOrigins }: BrowserOptions): Promise<void> {
  if (corsOrigins.length === 0) return
  await app.register(cors, {
    origin: corsOrigins.includes('*') ? '*' : [...corsOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders,
    maxAge: preflightMaxAge,
    // answerOtherMethods answers them, as all requests for OPTIONS.
    preflightContinue: true,
    strictPreflight: false,
  })
}

/**
 * Refuses what a web page must not do to an API that needs no key: to reach it under a name of its own (DNS rebinding), and to send it
 * requests that change something. Health and metrics are never refused: probes use addresses and names of their own.
 */
export function guardAgainstPages(app: FastifyInstance, options: BrowserOptions): void {
  const { hasKeys, isOnLoopback, allowedHosts, corsOrigins } = options
  const checksHost = allowedHosts.length > 0 || (!hasKeys && isOnLoopback)
  app.addHook('onRequest', (request, _reply, done) => {
    const { host, origin, 'sec-fetch-site': site } = request.headers
    if (isProbe(request.url)) return done()
    if (checksHost && host !== undefined && !isAllowedHost(host, allowedHosts)) {
      const detail = 'The host of this request is not one of this API. ALLOWED_HOSTS names the hosts that are allowed.'
      return done(new Problem('host_not_allowed', detail))
    }
    // A path without a route does nothing, and is answered with 404.
    if (
      hasKeys ||
      request.is404 ||
      request.method === 'GET' ||
      request.method === 'HEAD' ||
      request.method === 'OPTIONS'
    )
      return done()
    if (origin !== undefined && corsOrigins.includes(origin)) return done()
    if (site === 'cross-site' || (origin !== undefined && !isOwnOrigin(origin, host))) {
      const detail = 'A page of another origin sent this request, and this API runs without keys.'
      return done(new Problem('cross_site_request', detail))
    }
    return done()
  })
}

function isProbe(url: string): boolean {
  const [path = ''] = url.split('?', 1)
  return path === '/livez' || path === '/readyz' || path === '/metrics'
}

/** Names and addresses that no web page can point elsewhere. */
const loopbackHost = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/

function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  const whole = host.toLowerCase()
  const name = whole.replace(/:\d*$/, '').replace(/\.$/, '')
  return loopbackHost.test(name) || allowed.includes(name) || allowed.includes(whole)
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.parse(origin)?.host === URL.parse(`http://${host}`)?.host
}
