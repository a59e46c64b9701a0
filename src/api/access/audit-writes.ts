import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AuditLog } from '../../queue/audit/audit-log.ts'
import { QueueUnavailableError } from '../../queue/redis/connection.ts'
import { routeOf } from '../http/route-of.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** It submits jobs: they tell by themselves who made them, and a log of all would be as long as their list. */
    isSubmission?: boolean
  }
}

const writes = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/** Notes each write that succeeded, but for submissions, before it is answered. Where Redis is away by then, the log of the process has it. */
export function auditWrites(app: FastifyInstance, audit: AuditLog): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const { config, url } = routeOf(request)
    const isSilent = reply.statusCode >= 400 || config.isSubmission === true || url === undefined
    if (!writes.has(request.method) || isSilent) return done(null, payload)
    void store(audit, request, reply.getHeader('location'), () => done(null, payload))
  })
}

/** Calls back in any case. */
async function store(audit: AuditLog, request: FastifyRequest, location: unknown, goOn: () => void): Promise<void> {
  const entry = entryOf(request, location)
  try {
    await audit.add(entry)
  } catch (error) {
    const { action, target, key, tenant } = entry
    const fields = { action, target, key, tenant, err: error }
    if (error instanceof QueueUnavailableError) request.log.warn(fields, 'a write is not in the audit log')
    else request.log.error(fields, 'a write is not in the audit log')
  }
  goOn()
}

function entryOf(request: FastifyRequest, location: unknown) {
  const { caller, routeOptions, id } = request
  const { operationId }: { operationId?: unknown } = Object(routeOptions.schema)
  const params = Object.values(Object(request.params)).map(String)
  // What a request makes, its answer names.
  const made = typeof location === 'string' ? location.split('/').at(-1) : undefined
  const target = params.length > 0 ? params.join('/') : made
  return {
    tenant: caller.tenant,
    key: caller.key?.id,
    action: String(operationId),
    target: target?.slice(0, 300),
    requestId: id,
  }
}
