import type { FastifyInstance } from 'fastify'
import type { RouteDeps } from '../deps.ts'
import { listAllDeliveries } from './list-all-deliveries.ts'
import { listDeliveries } from './list-deliveries.ts'
import { resendDelivery } from './resend-delivery.ts'

/** The deliveries of jobs' and flows' webhooks. */
export function webhookRoutes(app: FastifyInstance, deps: RouteDeps): void {
  listDeliveries(app, deps)
  listAllDeliveries(app, deps)
  resendDelivery(app, deps)
}
