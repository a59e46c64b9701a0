import type { FastifyInstance } from 'fastify'
import type { RouteDeps } from '../deps.ts'
import { readAudit } from './read-audit.ts'
import { readStats } from './read-stats.ts'
import { readSystem } from './read-system.ts'
import { workerRoutes } from './workers.ts'

/** What those look at who run the installation. */
export function monitoringRoutes(app: FastifyInstance, deps: RouteDeps): void {
  readStats(app, deps)
  workerRoutes(app, deps)
  readSystem(app, deps)
  readAudit(app, deps)
}
