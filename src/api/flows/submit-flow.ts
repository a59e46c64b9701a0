import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { FlowProgress } from '../../queue/flows/flows.ts'
import { newJobRef } from '../../queue/model/job-id.ts'
import { admitFlow } from '../access/admission.ts'
import type { RouteDeps } from '../deps.ts'
import { idempotencyKey } from '../http/idempotency-key.ts'
import { preferredWaitS } from '../http/prefer-header.ts'
import { Problem } from '../http/problem.ts'
import { documentedOnly } from '../http/validation.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { flowIdPrefix, flowNotFound, flowPath } from './find-flow.ts'
import { flowResource, flowSchema, treeQuery } from './flow-resource.ts'
import { flowSchema as bodySchema, parseFlow } from './parse-flow.ts'
import { waitForFlow } from './read-flow.ts'

const headers = z.object({
  prefer: z.string().optional().describe('`wait=N`: hold the answer until the flow is done, at most N (60) seconds'),
  'idempotency-key': z
    .string()
    .optional()
    .describe('The same key and body are the same flow, however often they are sent'),
  traceparent: z.string().optional().describe('W3C Trace Context; kept with each job'),
})
const query = z.strictObject(treeQuery)

/** `POST /v1/flows`: store a flow with all its jobs, and wait for it when asked to. */
export function submitFlow(app: FastifyInstance, deps: RouteDeps): void {
  const { flows, registry, config, idempotency, schemas } = deps

  const claim = async (request: FastifyRequest, asked: string) => {
    const key = idempotencyKey(request.headers['idempotency-key'])
    if (key === undefined) return { id: asked, isReplay: false, claimed: undefined }
    const ref = { queue: flowIdPrefix, id: asked }
    const claimed = await idempotency.claim(request.caller.tenant, key, request.body, ref)
    if (claimed.status !== 'conflict') {
      const isReplay = claimed.status === 'replay'
      return { id: isReplay ? claimed.ref.id : asked, isReplay, claimed }
    }
    const detail = 'This Idempotency-Key was used with another body: use a new one for a new request.'
    throw new Problem('idempotency_key_reused', detail)
  }

  const store = async (
    request: FastifyRequest,
    reply: FastifyReply,
    flow: Parameters<typeof flows.add>[0],
    isReplay: boolean,
  ) => {
    // Whoever claimed the key first may have died on the way: what is there stays, what is missing is added.
    const known = isReplay ? await flows.read(flow.id) : undefined
    if (!known) await admitFlow(deps, request, reply, flows.refs(flow), flow.createdAt)
    await flows.add(known ? { ...flow, createdAt: known.flow.createdAt } : flow)
    return (await flows.read(flow.id)) as FlowProgress
  }

  app.post<{ Querystring: z.output<typeof query> }>('/v1/flows', {
    config: { access: 'submit' },
    schema: {
      operationId: 'submitFlow',
      summary: 'Submit jobs that depend on each other',
      tags: ['flows'],
      headers,
      body: documentedOnly(bodySchema(schemas)),
      querystring: query,
      response: {
        200: jsonResponse('With `Prefer: wait`: the finished flow', flowSchema),
        202: jsonResponse('The flow was accepted, all its jobs are stored', flowSchema),
        ...problemResponses(
          'unknown_job_type',
          'flow_not_found',
          'idempotency_key_reused',
          'payload_too_large',
          'too_many_members',
          'unsupported_media_type',
          'queue_full',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const now = Date.now()
      const { caller } = request
      const asked = parseFlow(request.body, {
        registry,
        now,
        caller,
        traceparent: request.headers['traceparent'],
        canSign: config.WEBHOOK_SECRETS.length > 0,
      })
      const { id, isReplay, claimed } = await claim(request, newJobRef(flowIdPrefix, now).id)
      if (isReplay) reply.header('idempotent-replayed', 'true')
      const begin = async () => {
        const stored = await store(request, reply, { ...asked, id }, isReplay)
        if (claimed) await idempotency.keepForFlow(claimed, id)
        return stored
      }
      const waitS = preferredWaitS(request.headers['prefer'])
      if (waitS !== undefined) reply.header('preference-applied', `wait=${waitS}`)
      const progress = await (waitS === undefined ? begin() : waitForFlow(deps, id, waitS * 1000, reply.raw, begin))
      if (!progress) throw flowNotFound(id)
      reply.header('location', flowPath(id))
      const open = request.query.tree === 'full' ? await flows.open(id) : undefined
      const isDone = waitS !== undefined && progress.flow.finished !== undefined
      return reply.code(isDone ? 200 : 202).send(flowResource(progress, open, config.RESULT_TTL_MS))
    },
  })
}
