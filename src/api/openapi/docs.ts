import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Access } from '../access/auth.ts'
import type { SchemaRegistry } from './schema-registry.ts'
import { type DescribedWebhook, webhookRoute } from './webhooks.ts'

/** Where the page of the documentation is served. */
const docsPath = '/docs'

/** Headers of a connection, which an injected request does not have. */
const connectionHeaders = new Set(['connection', 'date', 'keep-alive', 'transfer-encoding'])

/**
 * Serves `/openapi.json`, which describes `webhooks` and all routes that are added later, and a page to read it. The generator is loaded at the
 * first request: most processes never get one, and it takes 9 MB.
 */
export function serveDocs(
  app: FastifyInstance,
  schemas: SchemaRegistry,
  access: Access,
  webhooks: readonly DescribedWebhook[],
): void {
  const routes: RouteOptions[] = webhooks.map(webhookRoute)
  app.addHook('onRoute', (route) => {
    if (route.method !== 'HEAD' && route.schema?.hide !== true) routes.push(route)
  })

  let built: Promise<FastifyInstance> | undefined
  const build = async () => {
    const { buildDocs } = await import('./document.ts')
    return buildDocs(routes, schemas, docsPath)
  }
  const buildOnce = () => {
    built ??= build().catch((error: unknown) => {
      built = undefined
      throw error
    })
    return built
  }
  // A failed build has been reported to its client.
  app.addHook('onClose', async () => (await built?.catch(() => undefined))?.close())

  const answer = async ({ url, headers }: FastifyRequest, reply: FastifyReply) => {
    const docs = await buildOnce()
    const answered = await docs.inject({ method: 'GET', url, headers })
    // The plugin refuses some paths in a form of its own.
    if (answered.statusCode >= 400) return reply.callNotFound()
    for (const [name, value] of Object.entries(answered.headers))
      if (!connectionHeaders.has(name)) reply.header(name, value)
    return reply.code(answered.statusCode).send(answered.rawPayload)
  }
  for (const url of ['/openapi.json', docsPath, `${docsPath}/*`])
    app.get(url, { schema: { hide: true }, config: { access, isPage: true } }, answer)
}
