import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { maxConcurrency, maxKeyLength } from '../../queue/model/scheduling.ts'
import { type LimitedGate, limitKinds } from '../../queue/store/queue-limits.ts'
import type { RouteDeps } from '../deps.ts'
import { Mistakes } from '../http/mistakes.ts'
import { Problem } from '../http/problem.ts'
import { named } from '../openapi/fields.ts'
import { emptyResponse, jsonResponse, problemResponses } from '../openapi/responses.ts'
import { queueNotFound } from './queue-resource.ts'

const maxPeriodMs = 365 * 86_400_000

const limitBody = named(
  'LimitBody',
  z.strictObject({
    limit: z.int().min(0).max(maxConcurrency).describe('0: no job of it starts'),
    per_ms: z.int().min(1).max(maxPeriodMs).optional().describe('Of a rate, and required there: the period'),
    burst: z.int().min(1).max(1_000_000).optional().describe('Of a rate: how many may start at one moment. Default: 1'),
  }),
)

const limitSchema = z.object({
  queue: z.string(),
  kind: z.enum(limitKinds),
  tenant: z.string().nullable().describe('Whose key it is. Null of a type: it is that of all tenants'),
  key: z.string(),
  limit: z.int(),
  per_ms: z.int().nullable(),
  burst: z.int().nullable(),
})

const params = z.object({
  name: z.string(),
  kind: z
    .enum(limitKinds)
    .describe(
      '`tenant`, `type`: how many jobs of a tenant, or of a job type over all tenants, may run at once; its key is the name of the tenant or of the type',
    ),
  key: z.string().min(1).max(maxKeyLength),
})
const querystring = z.strictObject({
  tenant: z.string().max(64).optional().describe("Whose key it is. Default: the tenant of the caller's API key"),
})
type Named = { Params: z.output<typeof params>; Querystring: z.output<typeof querystring> }

/** `/v1/queues/{name}/limits/{kind}/{key}`: limits from outside, in place of what jobs say. */
export function limitRoutes(app: FastifyInstance, { queue, schemas }: RouteDeps): void {
  schemas.add(limitSchema, { id: 'Limit', description: 'A limit that was set from outside, in place of what jobs say' })
  const url = '/v1/queues/:name/limits/:kind/:key'
  const gateOf = ({ name, kind, key }: Named['Params'], tenant: string): LimitedGate => {
    if (!queue.names.includes(name)) throw queueNotFound(name)
    const owner = kind === 'tenant' ? key : tenant
    return { queue: name, kind, key, tenant: kind === 'type' ? undefined : owner }
  }
  const shown = async (gate: LimitedGate): Promise<z.output<typeof limitSchema>> => {
    const pin = await queue.limits.read(gate)
    if (!pin) throw new Problem('limit_not_found', 'No limit was set for it from outside.')
    return {
      ...gate,
      tenant: gate.tenant ?? null,
      limit: pin.limit,
      per_ms: pin.per_ms ?? null,
      burst: pin.burst ?? null,
    }
  }
  const common = { tags: ['queues'], params, querystring }
  app.get<Named>(url, {
    config: { access: 'admin' },
    schema: {
      operationId: 'readLimit',
      summary: 'Read a limit that was set from outside',
      description: 'Not the limits that jobs bring with them.',
      ...common,
      response: {
        200: jsonResponse('The limit', limitSchema),
        ...problemResponses('queue_not_found', 'limit_not_found', 'queue_unavailable'),
      },
    },
    handler: ({ params: of, query, caller }) => shown(gateOf(of, query.tenant ?? caller.tenant)),
  })
  app.put<Named & { Body: z.output<typeof limitBody> }>(url, {
    config: { access: 'admin' },
    schema: {
      operationId: 'setLimit',
      summary: 'Set a limit from outside',
      description:
        'It holds in place of what jobs say, for those that wait already, too. Jobs that run go on. 0 pauses.',
      ...common,
      body: limitBody,
      response: {
        200: jsonResponse('The limit', limitSchema),
        ...problemResponses('queue_not_found', 'limit_not_found', 'queue_unavailable'),
      },
    },
    handler: async ({ params: of, query, caller, body }) => {
      const gate = gateOf(of, query.tenant ?? caller.tenant)
      const isRate = gate.kind === 'rate'
      if (isRate !== (body.per_ms !== undefined) || (!isRate && body.burst !== undefined)) {
        const detail = isRate ? 'is required for a rate' : 'per_ms and burst are those of a rate'
        const mistakes = new Mistakes()
        mistakes.add('/per_ms', detail)
        throw mistakes.toProblem()
      }
      await queue.limits.set(gate, {
        limit: body.limit,
        ...(isRate && { per_ms: body.per_ms, burst: body.burst ?? 1 }),
      })
      return shown(gate)
    },
  })
  app.delete<Named>(url, {
    config: { access: 'admin' },
    schema: {
      operationId: 'removeLimit',
      summary: 'Remove a limit that was set from outside',
      description: 'What jobs say holds again. Idempotent.',
      ...common,
      response: {
        204: emptyResponse('There is no such limit any more'),
        ...problemResponses('queue_not_found', 'queue_unavailable'),
      },
    },
    handler: async ({ params: of, query, caller }, reply) => {
      await queue.limits.set(gateOf(of, query.tenant ?? caller.tenant), undefined)
      return reply.code(204).send()
    },
  })
}
