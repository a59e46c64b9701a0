import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type FlowSubmission, refsOf } from '../../queue/flows/flows.ts'
import { type JobRef, newJobRef } from '../../queue/model/job-id.ts'
import { admitJobs, chargeRequests, withdrawJobs } from '../access/admission.ts'
import { bodyBytes } from '../access/limit-bodies.ts'
import type { RouteDeps } from '../deps.ts'
import { documentedOnly } from '../http/validation.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { submissionContext } from '../submission/submission-context.ts'
import {
  byBodyAndPrefer,
  type SubmissionKind,
  submissionHeaders,
  submissionProblems,
  submit,
  submittedHeaders,
} from '../submission/submit.ts'
import { awaitedFlow, type FlowStatus, flowTiming, readStatus } from './awaited-flow.ts'
import { flowEvicted, flowIdPrefix, flowNotFound, flowPath } from './find-flow.ts'
import { flowResource, flowSchema, treeQuery } from './flow-resource.ts'
import { parseFlow } from './parse-flow.ts'
import { submittedFlowSchema } from './submitted-flow-schema.ts'

/** What a flow's document holds is in its jobs, too, and the items of a map are in its expansion. */
const copiesOfBody = 3

const query = z.strictObject(treeQuery)
const responseHeaders = submittedHeaders('flow')

interface SubmittedFlow {
  ref: JobRef
  flow: Omit<FlowSubmission, 'id'>
}

function flowSubmissions(deps: RouteDeps): SubmissionKind<SubmittedFlow, FlowStatus> {
  const { flows, idempotency, admission, quotas } = deps
  const refs = ({ ref, flow }: SubmittedFlow) => refsOf(ref.id, flow.plan.jobs)
  return {
    name: 'flow',
    ...byBodyAndPrefer,
    cost: ({ flow }) => flow.plan.jobs.length,
    admit: async (submitted, request, reply) => {
      await chargeRequests(quotas, request.caller, reply, submitted.flow.plan.jobs.length)
      await admitJobs(admission, request.caller, refs(submitted), copiesOfBody * bodyBytes(request))
    },
    withdraw: (submitted, request) =>
      withdrawJobs(admission, request.caller, refs(submitted), copiesOfBody * bodyBytes(request)),
    store: async ({ ref, flow }, { known }) => {
      await flows.add({ ...flow, id: ref.id, createdAt: known?.progress.flow.createdAt ?? flow.createdAt })
      return readStatus(deps, ref.id)
    },
    read: ({ id }) => readStatus(deps, id),
    keep: (claim, { id }) => idempotency.keepForFlow(claim, id),
    awaited: ({ id }) => awaitedFlow(deps, id),
    timing: flowTiming,
    queuesOf: (stored) => stored.progress.flow.queues,
    path: flowPath,
    notFound: flowNotFound,
    wasEvicted: ({ id }) => flows.store.wasEvicted(id, undefined),
    evicted: flowEvicted,
  }
}

/** `POST /v1/flows`: store a flow with all its jobs, and wait for it when asked to. */
export function submitFlow(app: FastifyInstance, deps: RouteDeps): void {
  const { flows, retention, schemas } = deps
  const kind = flowSubmissions(deps)
  app.post<{ Querystring: z.output<typeof query> }>('/v1/flows', {
    config: { access: 'submit', isSubmission: true },
    schema: {
      operationId: 'submitFlow',
      summary: 'Submit jobs that depend on each other',
      description:
        'Stores a flow with all its jobs: a chain runs one after the other, a gather side by side, a map one job for each item. A malformed flow is refused as a whole.',
      tags: ['flows'],
      headers: submissionHeaders('flow'),
      body: documentedOnly(submittedFlowSchema(schemas)),
      querystring: query,
      response: {
        200: jsonResponse('With `Prefer: wait`: the finished flow', flowSchema, { headers: responseHeaders.done }),
        202: jsonResponse('The flow was accepted, all its jobs are stored', flowSchema, {
          headers: responseHeaders.accepted,
        }),
        ...problemResponses(...submissionProblems, 'flow_not_found', 'flow_evicted'),
      },
    },
    handler: async (request, reply) => {
      const context = submissionContext(request, deps)
      const submitted = { ref: newJobRef(flowIdPrefix, context.now), flow: parseFlow(request.body, context) }
      const { progress } = await submit(request, reply, deps, kind, submitted)
      const open = request.query.tree === 'full' ? await flows.open(progress.flow.id) : undefined
      return reply.send(flowResource(progress, open, retention))
    },
  })
}
