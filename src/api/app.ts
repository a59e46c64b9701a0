import { randomUUID } from 'node:crypto'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify'
import type { Logger } from 'pino'
import type { z } from 'zod'
import type { apiVariables } from '../environment.ts'
import type { Registry } from '../jobs/registry.ts'
import type { QueuePressure } from '../queue/admission/queue-backpressure.ts'
import type { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import type { JobEventHub } from '../queue/events/event-hub.ts'
import type { Flows } from '../queue/flows/flows.ts'
import type { ScheduleStore } from '../queue/schedules/schedule-store.ts'
import type { JobSteering } from '../queue/store/cancel-and-retry.ts'
import type { IdempotencyKeys } from '../queue/store/idempotency-keys.ts'
import type { JobIndex } from '../queue/store/job-index.ts'
import type { JobQueue } from '../queue/store/job-queue.ts'
import type { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import { limitRequests } from './access/admission.ts'
import type { ApiKeys } from './access/api-keys.ts'
import { authorizeRequests } from './access/auth.ts'
import { steerFlow } from './flows/cancel-and-retry-flow.ts'
import { readFlow } from './flows/read-flow.ts'
import { readFlowResults } from './flows/read-flow-results.ts'
import { streamFlowEvents } from './flows/stream-flow-events.ts'
import { submitFlow } from './flows/submit-flow.ts'
import { connectionOptions, guardConnections } from './http/connections.ts'
import { acceptJsonBodies } from './http/json-body.ts'
import { answerProblem, Problem } from './http/problem.ts'
import { securityHeaders } from './http/security-headers.ts'
import { validateWithZod, withoutOwnCompilers } from './http/validation.ts'
import { describeJobTypes } from './job-types/describe-job-types.ts'
import { cancelJob } from './jobs/cancel-job.ts'
import { deleteJob } from './jobs/delete-job.ts'
import { listJobs } from './jobs/list-jobs.ts'
import { readJob } from './jobs/read-job.ts'
import { readJobLogs } from './jobs/read-job-logs.ts'
import { readJobOutput } from './jobs/read-job-output.ts'
import { retryJob } from './jobs/retry-job.ts'
import { streamJobEvents } from './jobs/stream-job-events.ts'
import { submitJob } from './jobs/submit-job.ts'
import { serveDocs } from './openapi/docs.ts'
import { nameSchemas } from './openapi/schema-names.ts'
import { describeQueues } from './queues/describe-queues.ts'
import { deleteSchedule } from './schedules/delete-schedule.ts'
import { putSchedule } from './schedules/put-schedule.ts'
import { readSchedules } from './schedules/read-schedules.ts'
import type { ApiMetrics } from './service/metrics.ts'
import { reportHealth } from './service/report-health.ts'
import { reportMetrics } from './service/report-metrics.ts'
import { listDeliveries } from './webhooks/list-deliveries.ts'
import { resendDelivery } from './webhooks/resend-delivery.ts'

/** What the routes work with. Whoever builds the app opens and closes these. */
export interface ApiDeps {
  config: z.output<typeof apiVariables>
  registry: Registry
  queue: JobQueue
  hub: JobEventHub
  steering: JobSteering
  idempotency: IdempotencyKeys
  index: JobIndex
  outbox: WebhookOutbox
  schedules: ScheduleStore
  /** Absent: whoever reaches the API may do everything. */
  apiKeys: ApiKeys | undefined
  quotas: TenantQuotas
  pressure: QueuePressure
  metrics: ApiMetrics
  flows: Flows
  log: Logger
}

/** … and what the app adds to it. */
export interface RouteDeps extends ApiDeps {
  /** Aborts when the server starts to close: whoever waits gets an answer, streams end. */
  closing: AbortSignal
}

/** Builds the API without listening. Close the result when done. */
export async function buildApp(apiDeps: ApiDeps): Promise<FastifyInstance> {
  const closing = new AbortController()
  const deps: RouteDeps = { ...apiDeps, closing: closing.signal }
  const loggerInstance: FastifyBaseLogger = deps.log
  const app = fastify({
    loggerInstance,
    // One line for each answer, at debug level, is written below.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: deps.config.BODY_LIMIT_BYTES,
    ...connectionOptions,
    schemaController: withoutOwnCompilers,
    genReqId: ({ headers }) => requestId(headers['request-id']),
    // An id of any length is only one that is not there: what fits into the headers is looked for.
    routerOptions: { maxParamLength: 16_384 },
    // No hook is called for these.
    frameworkErrors: (error, request, reply) => void answerProblem(error, request, reply.headers(headersOf(request))),
    forceCloseConnections: 'idle',
  })
  app.setErrorHandler(answerProblem)
  app.setNotFoundHandler((request) => {
    throw new Problem('route_not_found', `There is no ${request.method} ${request.url.split('?', 1)[0]}.`)
  })
  // Hooks that wait for nothing call back: a promise for each would be a good part of what a request costs.
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headersOf(request))
    done()
  })
  guardConnections(app)
  authorizeRequests(app, deps.apiKeys)
  limitRequests(app, deps.quotas)
  app.addHook('onResponse', (request, reply, done) => {
    const { method, log } = request
    const answer = { method, route: request.routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime }
    log.debug(answer, 'answered')
    if (!wasHeld(reply)) deps.metrics.requestAnswered(answer)
    done()
  })
  app.addHook('preClose', async () => {
    closing.abort()
    // Connections that become idle only now, when their wait or stream has been ended, would keep the server open.
    const idle = setInterval(() => app.server.closeIdleConnections(), 50)
    app.server.once('close', () => clearInterval(idle))
  })
  acceptJsonBodies(app)
  validateWithZod(app)
  const names = nameSchemas()
  serveDocs(app, names, deps.config.PUBLIC_ENDPOINTS.includes('docs') ? 'public' : 'read')

  submitJob(app, deps, names)
  listJobs(app, deps)
  readJob(app, deps)
  cancelJob(app, deps)
  retryJob(app, deps)
  deleteJob(app, deps)
  readJobLogs(app, deps)
  readJobOutput(app, deps)
  listDeliveries(app, deps)
  resendDelivery(app, deps)
  putSchedule(app, deps)
  readSchedules(app, deps)
  deleteSchedule(app, deps)
  describeQueues(app, deps)
  streamJobEvents(app, deps)
  submitFlow(app, deps, names)
  readFlow(app, deps)
  readFlowResults(app, deps)
  streamFlowEvents(app, deps)
  steerFlow(app, deps)
  describeJobTypes(app, deps)
  reportHealth(app, deps)
  reportMetrics(app, deps)
  await app.ready()
  return app
}

/** Whether a good answer took as long as somebody wanted to wait, and not as long as the server needs. */
function wasHeld(reply: FastifyReply): boolean {
  // An event stream writes its own head, past Fastify.
  const isStream = reply.statusCode === 200 && !reply.hasHeader('content-type')
  return reply.statusCode < 400 && (isStream || reply.hasHeader('preference-applied'))
}

/** What every answer carries. */
function headersOf({ id }: FastifyRequest): Record<string, string> {
  return { ...securityHeaders, 'request-id': id }
}

/** The client's own id when it is harmless in headers and logs, else a new one. */
function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given) ? given : randomUUID()
}
