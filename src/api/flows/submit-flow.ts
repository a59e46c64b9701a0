import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { FlowSubmission } from '../../queue/flows/flows.ts'
import { type JobRef, newJobRef } from '../../queue/model/job-id.ts'
import { admitFlow } from '../access/admission.ts'
import type { RouteDeps } from '../deps.ts'
import { documentedOnly } from '../http/validation.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { readHops } from '../submission/hops.ts'
import {
  type SubmissionKind,
  submissionHeaders,
  submissionProblems,
  submit,
  submittedHeaders,
} from '../submission/submit.ts'
import { awaitedFlow, type FlowStatus, readStatus } from './awaited-flow.ts'
import { flowIdPrefix, flowNotFound, flowPath } from './find-flow.ts'
import { flowResource, flowSchema, treeQuery } from './flow-resource.ts'
import { parseFlow } from './parse-flow.ts'
import { submittedFlowSchema } from './submitted-flow-schema.ts'

const query = z.strictObject(treeQuery)
const responseHeaders = submittedHeaders('flow')

interface SubmittedFlow {
  ref: JobRef
  flow: Omit<FlowSubmission, 'id'>
}

function flowSubmissions(deps: RouteDeps): SubmissionKind<SubmittedFlow, FlowStatus> {
  const { flows, idempotency } = deps
  return {
    name: 'flow',
    admit: ({ ref, flow }, request, reply) =>
      admitFlow(deps, request, reply, flows.refs({ ...flow, id: ref.id }), flow.createdAt),
    store: async ({ ref, flow }, { known }) => {
      await flows.add({ ...flow, id: ref.id, createdAt: known?.progress.flow.createdAt ?? flow.createdAt })
      return readStatus(deps, ref.id)
    },
    read: ({ id }) => readStatus(deps, id),
    keep: (claim, { id }) => idempotency.keepForFlow(claim, id),
    awaited: ({ id }) => awaitedFlow(deps, id),
    queuesOf: (stored) => stored.progress.flow.queues,
    path: flowPath,
    notFound: flowNotFound,
  }
}

/** `POST /v1/flows`: store a flow with all its jobs, and wait for it when asked to. */
export function submitFlow(app: FastifyInstance, deps: RouteDeps): void {
  const { flows, registry, config, schemas } = deps
  const kind = flowSubmissions(deps)
  app.post<{ Querystring: z.output<typeof query> }>('/v1/flows', {
    config: { access: 'submit' },
    schema: {
      operationId: 'submitFlow',
      summary: 'Submit jobs that depend on each other',
      tags: ['flows'],
      headers: submissionHeaders('flow'),
      body: documentedOnly(submittedFlowSchema(schemas)),
      querystring: query,
      response: {
        200: jsonResponse('With `Prefer: wait`: the finished flow', flowSchema, { headers: responseHeaders.done }),
        202: jsonResponse('The flow was accepted, all its jobs are stored', flowSchema, {
          headers: responseHeaders.accepted,
        }),
        ...problemResponses(...submissionProblems, 'flow_not_found'),
      },
    },
    handler: async (request, reply) => {
      const now = Date.now()
      const flow = parseFlow(request.body, {
        registry,
        now,
        caller: request.caller,
        traceparent: request.headers['traceparent'],
        hops: readHops(request.headers),
        canSign: config.WEBHOOK_SECRETS.length > 0,
      })
      const submitted = { ref: newJobRef(flowIdPrefix, now), flow }
      const { progress } = await submit(request, reply, deps, kind, submitted)
      const open = request.query.tree === 'full' ? await flows.open(progress.flow.id) : undefined
      return reply.send(flowResource(progress, open, config.RESULT_TTL_MS))
    },
  })
}
