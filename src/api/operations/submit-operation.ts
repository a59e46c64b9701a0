import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { queueNamePattern } from '../../jobs/define-job.ts'
import { fingerprintPattern } from '../../queue/model/fingerprint.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { OperationDefinition } from '../../queue/operations/operation-record.ts'
import { maxOpenOperations } from '../../queue/operations/operation-store.ts'
import type { Caller } from '../access/api-keys.ts'
import type { RouteDeps } from '../deps.ts'
import { Mistakes } from '../http/mistakes.ts'
import { Problem } from '../http/problem.ts'
import { named, stateField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import {
  actionField,
  exampleOperation,
  operationPath,
  operationResource,
  operationSchema,
  scopeOf,
} from './operation-resource.ts'

const maxJobs = 1_000_000
const defaultLimit = 100_000

const filterSchema = named(
  'JobFilter',
  z.strictObject({
    state: stateField.optional(),
    type: z.string().min(1).max(100).optional(),
    queue: z.string().regex(queueNamePattern).optional(),
    tag: z.string().min(1).max(100).optional(),
    parent: z.string().min(1).max(100).optional(),
    error_code: z.string().min(1).max(200).optional(),
    fingerprint: z.string().regex(fingerprintPattern, 'is not a fingerprint').optional(),
    created_after: z.iso.datetime({ offset: true }).optional(),
    created_before: z.iso.datetime({ offset: true }).optional(),
  }),
)

const body = named(
  'NewOperation',
  z.strictObject({
    action: actionField,
    filter: filterSchema.describe('As for `GET /v1/jobs`; at least one condition'),
    dry_run: z.boolean().optional().describe('True unless it says false: the operation counts, and changes nothing'),
    limit: z.int().min(1).max(maxJobs).optional().describe('At most so many jobs, the newest. Default: 100,000'),
  }),
)

/** `POST /v1/operations`: cancel, retry or delete all jobs that match a filter. */
export function submitOperation(app: FastifyInstance, { operations }: RouteDeps): void {
  app.post<{ Body: z.output<typeof body> }>('/v1/operations', {
    config: { access: 'any' },
    schema: {
      operationId: 'submitOperation',
      summary: 'Cancel, retry or delete many jobs',
      description:
        'Finds the jobs of the tenant that match, then applies the action to each, in the background. A dry run, which is the default, only counts. Jobs that are added or end after the request are not matched. To cancel or delete needs the scope `cancel`, to retry `submit`; the operation ends when its key does.',
      tags: ['operations'],
      body,
      querystring: z.strictObject({}),
      response: {
        202: jsonResponse('The operation was accepted', operationSchema, {
          headers: { location: 'Where the operation can be read' },
          example: exampleOperation,
        }),
        ...problemResponses('too_many_operations', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { caller } = request
      const scope = scopeOf(request.body.action)
      if (!caller.scopes.has(scope)) throw new Problem('forbidden', `This key does not have the scope "${scope}".`)
      const operation = await operations.store.create(definitionOf(request.body, caller))
      if (!operation) {
        const detail = `Your tenant has ${maxOpenOperations} operations that have not ended, the maximum.`
        throw new Problem('too_many_operations', detail)
      }
      operations.begin(operation.id)
      return reply.code(202).header('location', operationPath(operation.id)).send(operationResource(operation))
    },
  })
}

function definitionOf(given: z.output<typeof body>, { tenant, key }: Caller): OperationDefinition {
  const { action, filter, dry_run: dryRun = true, limit = defaultLimit } = given
  const { state, type, queue, tag, parent, error_code: errorCode, fingerprint, created_after, created_before } = filter
  const mistakes = new Mistakes()
  if (Object.keys(filter).length === 0) mistakes.add('/filter', 'is empty: it must have at least one condition')
  if (mistakes.count > 0) throw mistakes.toProblem()
  const createdAt = redisNow()
  return {
    tenant,
    ...(key && { key: { id: key.id, hash: key.hash.toString('hex') } }),
    action,
    filter: {
      state,
      type,
      queue,
      tag,
      parent,
      errorCode,
      fingerprint,
      from: created_after === undefined ? 0 : Date.parse(created_after) + 1,
      to: Math.min(createdAt, created_before === undefined ? createdAt : Date.parse(created_before) - 1),
    },
    request: Object.fromEntries(Object.entries(filter).map(([name, value]) => [name, String(value)])),
    dryRun,
    limit,
    createdAt,
  }
}
