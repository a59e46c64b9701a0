import type { FastifyInstance } from 'fastify'
import type { RouteDeps } from '../deps.ts'
import { readOperations } from './read-operations.ts'
import { streamOperationEvents } from './stream-operation-events.ts'
import { submitOperation } from './submit-operation.ts'

/** Everything below `/v1/operations`. */
export function operationRoutes(app: FastifyInstance, deps: RouteDeps): void {
  submitOperation(app, deps)
  readOperations(app, deps)
  streamOperationEvents(app, deps)
}
