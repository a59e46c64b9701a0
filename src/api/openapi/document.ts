import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { type FastifyInstance, fastify, type RouteOptions } from 'fastify'
import { createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { version } from '../../version.ts'
import { docsPolicy, securityHeaders } from '../http/security-headers.ts'
import { validateWithZod, withoutOwnCompilers } from '../http/validation.ts'
import { componentKey, nameComponents } from './components.ts'
import { linkNextSteps } from './links.ts'
import { describeOperation } from './operation.ts'
import type { SchemaRegistry } from './schema-registry.ts'
import { moveWebhooks } from './webhooks.ts'

const commonHeaders = ['request-id', ...Object.keys(securityHeaders)].map((name) => `\`${name}\``)
const apiDescription = [
  'Background jobs over HTTP: submit, watch, wait.',
  `Every answer has the headers ${commonHeaders.join(', ')}.`,
  'Every GET has a HEAD, and every path an OPTIONS that names its methods in `allow`, as 405 `method_not_allowed` does.',
  'JSON above 1 KB, in answers to writes above 16 KB, has `vary`, and `content-encoding` where `Accept-Encoding` has `gzip` or `br`.',
  'Where the tenant has a limit of requests per minute, an answer also has `ratelimit-policy` (the limit) and `ratelimit` (what is left of it, and the seconds until all of it is available again).',
].join('\n\n')

/**
 * Builds an app that serves `/openapi.json`, the OpenAPI 3.1 document of `routes`, and a page to read it below `pagePath`. It does
 * not listen, and the routes that it describes cannot be called in it. Close it when done.
 */
export async function buildDocs(
  routes: readonly RouteOptions[],
  schemas: SchemaRegistry,
  pagePath: string,
): Promise<FastifyInstance> {
  const app = fastify({ schemaController: withoutOwnCompilers })
  validateWithZod(app)
  const options = {
    schemaRegistry: schemas,
    zodToJsonConfig: { unrepresentable: 'any', override: simplify(schemas) } as const,
  }
  const addComponents = createJsonSchemaTransformObject(options)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Drover',
        version,
        description: apiDescription,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      security: [{ key: [] }, {}],
      components: {
        securitySchemes: {
          key: {
            type: 'http',
            scheme: 'bearer',
            description: '`<id>.<secret>` of an API key. Not needed where the API runs without authentication',
          },
        },
      },
      tags: [
        { name: 'jobs', description: 'Submit, read and watch jobs' },
        { name: 'run', description: 'Job types as functions: the body is the input, the answer the output' },
        { name: 'flows', description: 'Jobs that depend on each other' },
        { name: 'operations', description: 'Cancel, retry or delete many jobs' },
        { name: 'schedules', description: 'Recurring jobs' },
        { name: 'webhooks', description: 'The deliveries of the webhooks of jobs and flows' },
        { name: 'job types', description: 'The types of jobs that can be submitted' },
        { name: 'queues', description: 'The jobs and workers of each queue' },
        { name: 'monitoring', description: 'What the installation does, for those who run it' },
        { name: 'health', description: 'Probes and metrics' },
      ],
    },
    transform: describeOperation(options),
    transformObject: (document) =>
      moveWebhooks(linkNextSteps(nameComponents(tidy(addComponents(document))))) as ReturnType<typeof addComponents>,
  })
  await app.register(swaggerUi, { routePrefix: pagePath, staticCSP: docsPolicy })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  // The generator takes the routes that are added after it.
  for (const { method, url, schema = {} } of routes)
    app.route({ method, url, schema, exposeHeadRoute: false, handler: refuse })
  await app.ready()
  return app
}

function refuse(): never {
  throw new Error('a route was called in the app that only describes it')
}

/** A schema and the JSON Schema that Zod made of it. */
interface Converted {
  zodSchema: z.core.$ZodType
  jsonSchema: Record<string, unknown>
}

/**
 * Adds the descriptions and names, which are in Zod's global registry. Removes what Zod adds and readers do not need: the bounds of safe
 * integers, the pattern of a format, and the ban on fields that a later version may add to an answer.
 */
function simplify(schemas: SchemaRegistry): (converted: Converted) => void {
  return ({ zodSchema, jsonSchema }) => {
    const { description, component, examples: own } = z.globalRegistry.get(zodSchema) ?? {}
    if (description !== undefined) jsonSchema['description'] ??= description
    if (component !== undefined) jsonSchema[componentKey] = component
    const { def } = zodSchema._zod
    if (def.type === 'object' && !('catchall' in def && def.catchall)) delete jsonSchema['additionalProperties']
    if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum']
    if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum']
    if (jsonSchema['format'] === 'date-time') delete jsonSchema['pattern']
    // Generators know this name, and the plugin writes it in some places only.
    if (jsonSchema['contentEncoding'] === 'base64') {
      delete jsonSchema['contentEncoding']
      jsonSchema['format'] = 'byte'
    }
    // Zod removes the default and the examples of what an input is made of, if a part of it is transformed. Ours are inputs.
    if (def.type === 'default' && 'defaultValue' in def) jsonSchema['default'] ??= def.defaultValue
    const examples = schemas.get(zodSchema)?.examples ?? own
    if (examples) jsonSchema['examples'] = examples
  }
}

const referencePrefix = '#/components/schemas/'

/**
 * The generator makes two components of each named schema, the one for requests with the suffix `Input`. Keeps those that are
 * referred to, under their plain names.
 */
function tidy(document: { paths?: unknown; components?: { schemas?: Record<string, unknown> } }): typeof document {
  const all = document.components?.schemas ?? {}
  const used = new Map<string, unknown>()
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit)
    if (typeof value !== 'object' || value === null) return value
    const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, visit(inner)]))
    const reference = copy['$ref']
    if (typeof reference === 'string' && reference.startsWith(referencePrefix)) {
      const name = reference.slice(referencePrefix.length)
      const plainName = name.replace(/Input$/, '')
      copy['$ref'] = referencePrefix + plainName
      if (!used.has(plainName)) {
        used.set(plainName, undefined)
        used.set(plainName, visit(all[name]))
      }
    }
    return copy
  }
  const paths = visit(document.paths)
  const schemas = Object.fromEntries([...used].sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...document, paths, components: { ...document.components, schemas } }
}
