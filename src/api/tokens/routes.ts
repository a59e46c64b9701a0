import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { Watch } from '../access/watch.ts'
import { maxTokenMs } from '../access/watch-tokens.ts'
import type { RouteDeps } from '../deps.ts'
import { findFlow, flowNotFound } from '../flows/find-flow.ts'
import { Problem } from '../http/problem.ts'
import { timestamp } from '../http/timestamp.ts'
import { findJob, jobNotFound } from '../jobs/find-job.ts'
import { named, timeField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'

const params = z.object({ id: z.string() })
const defaultTtlMs = 600_000

const body = named(
  'NewToken',
  z.strictObject({
    ttl_ms: z.int().min(1000).max(maxTokenMs).optional().describe('How long it is valid. Default: ten minutes'),
    input: z.boolean().optional().describe('Whether it lets its owner read the input. Default: false'),
  }),
).optional()
const tokenSchema = named('WatchToken', z.object({ token: z.string(), expires_at: timeField }))

const example = { token: '_w.eyJraW5kIjoiam9iIn0.c2lnbmF0dXJl', expires_at: '2026-12-01T08:10:00.000Z' }

/** `POST /v1/jobs/{id}/tokens` and `POST /v1/flows/{id}/tokens`: let somebody without a key watch one job or flow. */
export function tokenRoutes(app: FastifyInstance, deps: RouteDeps): void {
  const { queue, flows, tokens } = deps
  const kinds = [
    {
      kind: 'job',
      base: '/v1/jobs',
      operationId: 'createJobToken',
      reads: 'the job without its webhook, its events, output, values and logs',
      notFound: ['job_not_found', 'job_evicted'],
      runOf: async (request: FastifyRequest, id: string) => {
        const job = await findJob(queue, request, id)
        // An admin reads those of others, and hands out its own.
        if (job.record.tenant !== request.caller.tenant) throw jobNotFound(id)
        return job.run
      },
    },
    {
      kind: 'flow',
      base: '/v1/flows',
      operationId: 'createFlowToken',
      reads: 'the flow, its events and results',
      notFound: ['flow_not_found', 'flow_evicted'],
      runOf: async (request: FastifyRequest, id: string) => {
        const { flow } = await findFlow(flows, request, id)
        if (flow.tenant !== request.caller.tenant) throw flowNotFound(id)
        return flow.run
      },
    },
  ] as const
  for (const { kind, base, operationId, reads, notFound, runOf } of kinds) {
    app.post<{ Params: z.output<typeof params>; Body: z.output<typeof body> }>(`${base}/:id/tokens`, {
      config: { access: 'read' },
      schema: {
        operationId,
        summary: `Let somebody without a key watch a ${kind}`,
        description: `A signed token that reads this ${kind} in its current run alone: ${reads}. It is sent as \`?token=\` or as \`authorization: Bearer\`, and ends at its time or with the key that asked for it.`,
        tags: [kind === 'job' ? 'jobs' : 'flows'],
        params,
        querystring: z.strictObject({}),
        body,
        response: {
          201: jsonResponse('The token', tokenSchema, { headers: { 'cache-control': '`no-store`' }, example }),
          ...problemResponses(...notFound, 'tokens_not_configured', 'queue_unavailable'),
        },
      },
      handler: async (request, reply) => {
        const { id } = request.params
        const { ttl_ms = defaultTtlMs, input = false } = request.body ?? {}
        const watch: Watch = { kind, id, run: await runOf(request, id), input }
        if (!tokens.isConfigured)
          throw new Problem(
            'tokens_not_configured',
            'This server has no secret to sign tokens with: set TOKEN_SECRETS.',
          )
        const expiresAt = redisNow() + ttl_ms
        const token = tokens.sign(request.caller, watch, expiresAt)
        return reply
          .code(201)
          .header('cache-control', 'no-store')
          .send({ token, expires_at: timestamp(expiresAt) })
      },
    })
  }
}
