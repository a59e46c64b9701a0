import type { FastifyInstance } from 'fastify'
import type { RouteDeps } from '../deps.ts'
import { readKey } from './read-key.ts'
import { reportHealth } from './report-health.ts'
import { reportMetrics } from './report-metrics.ts'

/** What probes and Prometheus ask for, and what a key may do. */
export function healthRoutes(app: FastifyInstance, deps: RouteDeps): void {
  reportHealth(app, deps)
  readKey(app)
  reportMetrics(app, deps)
}
