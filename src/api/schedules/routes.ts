import type { FastifyInstance } from 'fastify'
import type { RouteDeps } from '../deps.ts'
import { deleteSchedule } from './delete-schedule.ts'
import { pauseSchedule } from './pause-schedule.ts'
import { putSchedule } from './put-schedule.ts'
import { readSchedules } from './read-schedules.ts'
import { runSchedule } from './run-schedule.ts'

/** Everything below `/v1/schedules`. */
export function scheduleRoutes(app: FastifyInstance, deps: RouteDeps): void {
  putSchedule(app, deps)
  pauseSchedule(app, deps)
  readSchedules(app, deps)
  deleteSchedule(app, deps)
  runSchedule(app, deps)
}
