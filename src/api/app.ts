import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify'
import { isLoopback } from '../environment/api-variables.ts'
import { limitRequests } from './access/admission.ts'
import { AnswerLog } from './access/answer-log.ts'
import { anonymousCaller } from './access/api-keys.ts'
import { auditWrites } from './access/audit-writes.ts'
import { authorizeRequests } from './access/auth.ts'
import { allowFrontEnds, type BrowserOptions, guardAgainstPages } from './access/browsers.ts'
import { closeIdleStrangers } from './access/close-idle.ts'
import { HeldAnswers } from './access/held-answers.ts'
import { bodyBudgetOf, limitBodies, reserveParsed } from './access/limit-bodies.ts'
import { WatchTokens } from './access/watch-tokens.ts'
import { dashboardRoutes } from './dashboard/routes.ts'
import type { ApiDeps, RouteDeps } from './deps.ts'
import { flowWebhook } from './flows/flow-webhook.ts'
import { flowRoutes } from './flows/routes.ts'
import { healthRoutes } from './health/routes.ts'
import { compressAnswers } from './http/compress-answers.ts'
import { connectionOptions, guardConnections } from './http/connections.ts'
import { drainGracefully } from './http/drain.ts'
import { trimHeadAnswers } from './http/head-answers.ts'
import { acceptJsonBodies } from './http/json-body.ts'
import { answerOtherMethods, notFound } from './http/other-methods.ts'
import { answerProblem } from './http/problem.ts'
import { newRequestId } from './http/request-id.ts'
import { requestLog } from './http/request-log.ts'
import { routeOf } from './http/route-of.ts'
import { securityHeaders } from './http/security-headers.ts'
import { SseStreams } from './http/sse-response.ts'
import { traceRequests } from './http/trace-requests.ts'
import { validateWithZod, withoutOwnCompilers } from './http/validation.ts'
import { jobTypeRoutes } from './job-types/routes.ts'
import { jobWebhook } from './jobs/job-webhook.ts'
import { jobRoutes } from './jobs/routes.ts'
import { monitoringRoutes } from './monitoring/routes.ts'
import { serveDocs } from './openapi/docs.ts'
import { createSchemaRegistry } from './openapi/schema-registry.ts'
import { operationRoutes } from './operations/routes.ts'
import { queueRoutes } from './queues/routes.ts'
import { scheduleRoutes } from './schedules/routes.ts'
import { tokenRoutes } from './tokens/routes.ts'
import { webhookRoutes } from './webhooks/routes.ts'

/** Builds the API without listening. Close the result when done. */
export async function buildApp(apiDeps: ApiDeps): Promise<FastifyInstance> {
  const closing = new AbortController()
  const streams = new SseStreams(closing.signal, apiDeps.metrics.eventStreams)
  const holds = new HeldAnswers(apiDeps.apiKeys, apiDeps.metrics.answerRevoked)
  apiDeps.metrics.observeHolds(holds)
  const tokens = new WatchTokens(apiDeps.config.TOKEN_SECRETS, apiDeps.apiKeys)
  const deps: RouteDeps = {
    ...apiDeps,
    tokens,
    closing: closing.signal,
    streams,
    holds,
    schemas: createSchemaRegistry(),
  }
  const answers = new AnswerLog({ log: deps.log, isAccessLog: deps.config.ACCESS_LOG })
  const app = createServer(deps, answers)
  app.decorateRequest('knownRoute')
  app.setErrorHandler(answerProblem)
  app.setNotFoundHandler(({ method, url }) => {
    throw notFound(method, url.split('?', 1)[0] ?? '')
  })
  app.addHook('preClose', (done) => {
    closing.abort()
    done()
  })
  const idleMs = Math.min(Math.max(deps.config.DRAIN_DELAY_MS / 2, 250), 2000)
  drainGracefully(app, { draining: deps.draining, idleMs })
  // Hooks that wait for nothing call back: a promise for each would be a good part of the cost of a request.
  app.addHook('onRequest', (request, reply, done) => {
    addCommonHeaders(request, reply)
    done()
  })
  traceRequests(app, apiDeps.tracing)
  guardConnections(app)
  const browsers = browserOptions(deps)
  guardAgainstPages(app, browsers)
  await allowFrontEnds(app, browsers)
  answerOtherMethods(app)
  authorizeRequests(app, deps.apiKeys, deps.metrics.authenticationFailed, deps.tokens)
  closeIdleStrangers(app, deps.apiKeys !== undefined, deps.metrics.idleConnectionClosed)
  limitRequests(app, deps.quotas)
  const { BODY_LIMIT_BYTES: body } = deps.config
  const total = bodyBudgetOf(deps.config, undefined)
  // In a small container half of them may be less than the largest body needs with what parsing it takes.
  const share = deps.apiKeys ? Math.max(total / 2, Math.min(total, 2 * body)) : total
  limitBodies(app, { total, share, body })
  compressAnswers(app)
  trimHeadAnswers(app)
  auditWrites(app, deps.audit)
  measureAnswers(app, deps, answers)
  app.addHook('onClose', () => {
    streams.stop()
    holds.stop()
    answers.stop()
  })
  const jsonLimits = {
    members: deps.config.BODY_MEMBERS_LIMIT,
    objectMembers: deps.config.BODY_OBJECT_MEMBERS_LIMIT,
    names: deps.config.BODY_NAMES_LIMIT,
    values: deps.config.BODY_VALUES_LIMIT,
  }
  acceptJsonBodies(app, jsonLimits, reserveParsed)
  validateWithZod(app)
  addRoutes(app, deps)
  await app.ready()
  return app
}

function createServer({ log, config }: ApiDeps, answers: AnswerLog): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log
  return fastify({
    loggerInstance,
    // measureAnswers logs one line for each answer.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: config.BODY_LIMIT_BYTES,
    trustProxy: config.TRUSTED_PROXIES.length > 0 && config.TRUSTED_PROXIES,
    ...connectionOptions,
    schemaController: withoutOwnCompilers,
    childLoggerFactory: requestLog,
    genReqId: ({ headers }) => requestId(headers['request-id']),
    // An id of any length that fits into the headers is looked up, and is unknown.
    // And `/v1/jobs/` is the list, not a job with an empty id.
    routerOptions: { maxParamLength: 16_384, ignoreTrailingSlash: true },
    // Fastify calls no hook for these.
    frameworkErrors: (error, request, reply) => {
      void answerProblem(error, request, addCommonHeaders(request, reply))
      answers.note(request, reply, undefined)
    },
    forceCloseConnections: 'idle',
    // A request on a connection that is still open is answered, not refused.
    return503OnClosing: false,
  })
}

function browserOptions({ config, apiKeys }: ApiDeps): BrowserOptions {
  return {
    hasKeys: apiKeys !== undefined,
    isOnLoopback: isLoopback(config.HOST),
    allowedHosts: config.ALLOWED_HOSTS,
    corsOrigins: config.CORS_ORIGINS,
  }
}

function addRoutes(app: FastifyInstance, deps: RouteDeps): void {
  // The first, since it describes the routes that are added after it.
  const access = deps.config.PUBLIC_ENDPOINTS.includes('docs') ? 'public' : 'read'
  serveDocs(app, deps.schemas, access, [jobWebhook, flowWebhook])
  jobRoutes(app, deps)
  flowRoutes(app, deps)
  tokenRoutes(app, deps)
  operationRoutes(app, deps)
  scheduleRoutes(app, deps)
  webhookRoutes(app, deps)
  jobTypeRoutes(app, deps)
  queueRoutes(app, deps)
  monitoringRoutes(app, deps)
  healthRoutes(app, deps)
  dashboardRoutes(app)
}

/** What a client may do, or how much of it, decided these answers. */
const refusals: ReadonlySet<number> = new Set([401, 403, 429, 503])

function measureAnswers(app: FastifyInstance, { metrics, apiKeys }: ApiDeps, answers: AnswerLog): void {
  app.decorateRequest('problem')
  app.decorateRequest('outage')
  app.addHook('onResponse', (request, reply, done) => {
    const { method, caller } = request
    const tenant = caller === anonymousCaller && apiKeys ? undefined : caller?.tenant
    const answer = { method, route: routeOf(request).url, status: reply.statusCode, ms: reply.elapsedTime }
    answers.note(request, reply, tenant)
    if (request.problem !== undefined && refusals.has(answer.status)) {
      metrics.requestRefused(tenant, request.problem)
    }
    if (!wasHeld(reply)) metrics.requestAnswered(answer)
    done()
  })
}

/** Whether a successful answer took as long as its client chose to wait, not as long as the server needed. */
function wasHeld(reply: FastifyReply): boolean {
  // A stream writes its own head, without Fastify.
  const isStream = reply.statusCode === 200 && !reply.hasHeader('content-type')
  return reply.statusCode < 400 && (isStream || reply.hasHeader('preference-applied'))
}

/** The headers of every answer. */
function addCommonHeaders({ id }: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.headers(securityHeaders).header('request-id', id)
}

/** The client's own id when it is harmless in headers and logs, else a new one. */
function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given) ? given : newRequestId()
}
