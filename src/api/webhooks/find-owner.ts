import type { FastifyRequest } from 'fastify'
import { flowOwner } from '../../queue/flows/flows.ts'
import { jobOwner, type WebhookOwner } from '../../queue/webhooks/outbox.ts'
import type { RouteDeps } from '../deps.ts'
import { findFlow, flowPath } from '../flows/find-flow.ts'
import { findJob, jobPath } from '../jobs/find-job.ts'

/** A job or a flow that owns deliveries, and where it can be read. */
export interface FoundOwner {
  path: string
  owner: WebhookOwner
}

/** The two kinds of owners: their routes differ in the names below. */
export function ownerKinds({ queue, flows }: Pick<RouteDeps, 'queue' | 'flows'>) {
  return [
    {
      kind: 'job',
      base: '/v1/jobs',
      operation: '',
      notFound: ['job_not_found', 'job_evicted'],
      find: async (request: FastifyRequest, id: string): Promise<FoundOwner> => {
        const job = await findJob(queue, request, id)
        return { path: jobPath(job.id), owner: jobOwner(job) }
      },
    },
    {
      kind: 'flow',
      base: '/v1/flows',
      operation: 'Flow',
      notFound: ['flow_not_found', 'flow_evicted'],
      find: async (request: FastifyRequest, id: string): Promise<FoundOwner> => {
        const { flow } = await findFlow(flows, request, id)
        return { path: flowPath(flow.id), owner: flowOwner(flow) }
      },
    },
  ] as const
}
