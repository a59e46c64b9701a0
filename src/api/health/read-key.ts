import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { scopes } from '../access/keys-file.ts'
import { named } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'

const keySchema = named(
  'Key',
  z.object({
    id: z.string().nullable().describe('Null where the API runs without keys'),
    tenant: z.string(),
    scopes: z.array(z.enum(scopes)),
    types: z.array(z.string()).nullable().describe('The job types that it may submit. Null: all'),
    queues: z.array(z.string()).nullable().describe('The queues that it may submit to. Null: all'),
  }),
)

/** `GET /v1/key`: what the key of the request may do, so that a user interface offers nothing that would be refused. */
export function readKey(app: FastifyInstance): void {
  app.get('/v1/key', {
    config: { access: 'read' },
    schema: {
      operationId: 'readKey',
      summary: 'Read what the key of this request may do',
      description: 'Its id, tenant and scopes, never its secret. Without keys: what any client may do.',
      tags: ['health'],
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('The key', keySchema, {
          example: { id: 'k1', tenant: 'acme', scopes: ['read', 'submit'], types: null, queues: null },
        }),
        ...problemResponses(),
      },
    },
    handler: ({ caller }): z.output<typeof keySchema> => ({
      id: caller.key?.id ?? null,
      tenant: caller.tenant,
      scopes: scopes.filter((scope) => caller.scopes.has(scope)),
      types: caller.types ? [...caller.types] : null,
      queues: caller.queues ? [...caller.queues] : null,
    }),
  })
}
