import type { FastifyInstance } from 'fastify'
import type { RouteDeps } from '../deps.ts'
import { reportHealth } from './report-health.ts'
import { reportMetrics } from './report-metrics.ts'

/** What probes and Prometheus ask for. */
export function serviceRoutes(app: FastifyInstance, deps: RouteDeps): void {
  reportHealth(app, deps)
  reportMetrics(app, deps)
}
