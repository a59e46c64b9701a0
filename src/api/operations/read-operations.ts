import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { isOperationDone, type StoredOperation } from '../../queue/operations/operation-record.ts'
import { reachableTenant, readableTenant, tenantParameter } from '../access/readable-tenant.ts'
import type { RouteDeps } from '../deps.ts'
import { preferredWaitS } from '../http/prefer-header.ts'
import { Problem } from '../http/problem.ts'
import { waitWithHeader } from '../http/wait-until-done.ts'
import { limitParameter, named } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { preferParameter, waitHeaders } from '../openapi/waiting.ts'
import { exampleOperation, operationPath, operationResource, operationSchema } from './operation-resource.ts'

const params = z.object({ id: z.string() })
const query = z.strictObject({ tenant: tenantParameter, limit: limitParameter })

/** Nothing is published for those who wait: an operation takes seconds. */
const waitPollMs = 200

/** The operation that a path names, if the request reaches it. @throws Problem `operation_not_found`, QueueUnavailableError */
export async function findOperation(
  { operations }: Pick<RouteDeps, 'operations'>,
  request: FastifyRequest,
  id: string,
): Promise<StoredOperation> {
  const tenant = reachableTenant(request)
  const operation = /^op_[0-9a-z]{26}$/.test(id) ? await operations.store.read(id) : undefined
  if (operation && (tenant === undefined || operation.tenant === tenant)) return operation
  throw new Problem('operation_not_found', `There is no operation "${cutText(id, 100)}".`)
}

/** `GET /v1/operations`, `GET /v1/operations/{id}` and `POST /v1/operations/{id}/cancel`. */
export function readOperations(app: FastifyInstance, deps: RouteDeps): void {
  const { operations, closing, holds } = deps
  app.get<{ Querystring: z.output<typeof query> }>('/v1/operations', {
    config: { access: 'read' },
    schema: {
      operationId: 'listOperations',
      summary: 'List the operations, newest first',
      description: 'Operations of the tenant that have not ended, and those of the last day; up to 200.',
      tags: ['operations'],
      querystring: query,
      response: {
        200: jsonResponse('The operations', named('OperationList', z.object({ items: z.array(operationSchema) })), {
          example: { items: [exampleOperation] },
        }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async (request) => {
      const { tenant, limit } = request.query
      const all = await operations.store.list(readableTenant(request, tenant))
      return { items: all.slice(0, limit).map(operationResource) }
    },
  })
  app.get<{ Params: z.output<typeof params> }>('/v1/operations/:id', {
    config: { access: 'read' },
    schema: {
      operationId: 'readOperation',
      summary: 'Read an operation',
      description: 'How far the operation is; with `Prefer: wait` its end. It is kept for a day after that.',
      tags: ['operations'],
      params,
      querystring: z.strictObject({}),
      headers: z.object({ prefer: preferParameter('operation') }),
      response: {
        200: jsonResponse('The operation', operationSchema, { headers: waitHeaders('operation') }),
        202: jsonResponse('With `Prefer: wait`: it has not ended yet', operationSchema, {
          headers: waitHeaders('operation'),
        }),
        ...problemResponses('operation_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const waitS = preferredWaitS(request.headers['prefer'])
      const read = async () => {
        const operation = await findOperation(deps, request, id)
        return { operation, done: isOperationDone(operation) }
      }
      if (waitS === undefined) return operationResource((await read()).operation)
      const watch = async (onNews: (ended: undefined) => void) => {
        const timer = setInterval(() => onNews(undefined), waitPollMs)
        return () => clearInterval(timer)
      }
      const hold = holds.open('wait', request, reply)
      const found = await waitWithHeader(waitS, reply, { closing, hold }, { watch, read }, read)
      reply.header('location', operationPath(id))
      return reply.code(found?.done ? 200 : 202).send(operationResource((found ?? (await read())).operation))
    },
  })
  app.post<{ Params: z.output<typeof params> }>('/v1/operations/:id/cancel', {
    config: { access: 'cancel' },
    schema: {
      operationId: 'cancelOperation',
      summary: 'Cancel an operation',
      description: 'It stops within seconds. What it did to jobs stays.',
      tags: ['operations'],
      params,
      querystring: z.strictObject({}),
      response: {
        202: jsonResponse('The operation stops', operationSchema),
        ...problemResponses('operation_not_found', 'operation_already_done', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const before = await findOperation(deps, request, id)
      const outcome = await operations.store.cancel(before)
      if (outcome === 'done') throw new Problem('operation_already_done', `The operation has ended as ${before.state}.`)
      operations.begin(id)
      return reply.code(202).send(operationResource(await findOperation(deps, request, id)))
    },
  })
}
