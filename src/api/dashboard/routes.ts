import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { etagOf, knownTag } from '../http/etag.ts'
import { notFound } from '../http/other-methods.ts'
import { prefersHtml } from '../http/prefers-html.ts'
import { addVary } from '../http/vary.ts'
import { named } from '../openapi/fields.ts'
import { emptyResponse, jsonResponse, publicProblemResponses } from '../openapi/responses.ts'
import { DashboardAssets } from './assets.ts'
import { dashboardPolicy, pageOf } from './page.ts'

const entrance = {
  name: 'drover',
  links: {
    jobs: '/v1/jobs',
    flows: '/v1/flows',
    schedules: '/v1/schedules',
    job_types: '/v1/job-types',
    queues: '/v1/queues',
    dashboard: '/dashboard',
    documentation: '/docs',
    openapi: '/openapi.json',
  },
}
const entranceSchema = named(
  'Entrance',
  z.object({ name: z.string(), links: z.record(z.string(), z.string()).describe('Paths of this API') }),
)

/**
 * `/dashboard`: the page for people and its files, which need no key since they hold no data. `/`: leads a browser there, and tells a
 * program what there is.
 */
export function dashboardRoutes(app: FastifyInstance): void {
  const assets = new DashboardAssets()
  app.addHook('onClose', () => assets.stop())
  const hidden = { schema: { hide: true }, config: { access: 'public' } } as const
  serveEntrance(app)

  const servePage = async ({ headers }: FastifyRequest, reply: FastifyReply) => {
    const page = pageOf(await assets.built())
    const etag = etagOf(page)
    const known = knownTag(headers['if-none-match'], etag)
    reply.headers({ etag: known ?? etag, 'cache-control': 'no-cache', 'content-security-policy': dashboardPolicy })
    if (known !== undefined) return reply.code(304).send()
    return reply.type('text/html; charset=utf-8').serializer(String).send(page)
  }
  app.get('/dashboard', hidden, servePage)
  app.get('/dashboard/*', hidden, servePage)

  app.get<{ Params: { hash: string; '*': string } }>('/dashboard/assets/:hash/*', hidden, async (request, reply) => {
    const { hash, '*': name } = request.params
    const built = await assets.built()
    const file = hash === built.hash ? built.files.get(name) : undefined
    if (!file) throw notFound(request.method, request.url.split('?', 1)[0] ?? '')
    addVary(reply, 'accept-encoding').headers({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': file.type,
      'content-security-policy': dashboardPolicy,
    })
    const takesBrotli = /(^|[\s,])br\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(request.headers['accept-encoding'] ?? '')
    if (takesBrotli) reply.header('content-encoding', 'br')
    return reply.send(takesBrotli ? file.brotli : file.body)
  })
}

function serveEntrance(app: FastifyInstance): void {
  app.get('/', {
    config: { access: 'public' },
    schema: {
      operationId: 'readEntrance',
      summary: 'Find what there is',
      description:
        'Links to the lists, the dashboard and the documentation. Leads a client that asks for HTML to `/dashboard`. Needs no key.',
      tags: ['health'],
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('Links', entranceSchema, { example: entrance }),
        303: emptyResponse('For browsers: the dashboard', { location: '`/dashboard`' }),
        ...publicProblemResponses(),
      },
    },
    handler: (request, reply) => {
      addVary(reply, 'accept')
      if (prefersHtml(request.headers.accept)) return reply.redirect('/dashboard', 303)
      return reply.send(entrance)
    },
  })
}
