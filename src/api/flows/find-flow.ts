import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import type { FlowProgress, Flows, LoadedFlow } from '../../queue/flows/flows.ts'
import { parseJobId } from '../../queue/model/job-id.ts'
import { reachableTenant } from '../access/readable-tenant.ts'
import { checkWatchedRun } from '../access/watch.ts'
import { Problem } from '../http/problem.ts'

/** The path parameter of every route below `/v1/flows/{id}`. */
export const flowParams = z.object({ id: z.string() })

/** The prefix of flow ids; a job's id starts with its queue. */
export const flowIdPrefix = 'flow'

/** Where a flow can be read. */
export function flowPath(id: string): string {
  return `/v1/flows/${id}`
}

/** A malformed id and an unknown one get the same answer. */
export function flowNotFound(id: string): Problem {
  return new Problem('flow_not_found', `There is no flow "${cutText(id, 100)}": it never existed, or it has expired.`)
}

/** It gave way before its time. */
export function flowEvicted(id: string): Problem {
  const why = 'Redis was low on memory, or the limit of results was reached'
  return new Problem('flow_evicted', `The flow "${id}" has ended, and was removed before its time: ${why}.`)
}

/** Reads the flow that a path names, if the request reaches it; other cross-tenant reads return 404. @throws Problem `flow_not_found`, `flow_evicted`, QueueUnavailableError */
export async function findFlow(flows: Flows, request: FastifyRequest, id: string): Promise<FlowProgress> {
  const isFlowId = parseJobId(id)?.queue === flowIdPrefix
  if (!isFlowId) throw flowNotFound(id)
  const head = await flows.store.head(id)
  const tenant = reachableTenant(request)
  if (!head && (await flows.store.wasEvicted(id, tenant))) throw flowEvicted(id)
  if (!head || head.tenant !== (tenant ?? head.tenant)) throw flowNotFound(id)
  checkWatchedRun(request, head.run)
  return flows.progress(head)
}

/** {@link findFlow} with all nodes of the flow. @throws Problem `flow_not_found`, `flow_evicted`, QueueUnavailableError */
export async function findOpenFlow(flows: Flows, request: FastifyRequest, id: string): Promise<LoadedFlow> {
  await findFlow(flows, request, id)
  const open = await flows.open(id)
  if (!open) throw flowNotFound(id)
  return open
}
