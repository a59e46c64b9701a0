import type { FastifyInstance } from 'fastify'
import type { RouteDeps } from '../deps.ts'
import { cancelAndRetryFlow } from './cancel-and-retry-flow.ts'
import { deleteFlow } from './delete-flow.ts'
import { exampleFlow } from './examples.ts'
import { flowSchema, flowTreeSchema, memberSchema } from './flow-resource.ts'
import { listFlows } from './list-flows.ts'
import { readFlow } from './read-flow.ts'
import { readFlowResults } from './read-flow-results.ts'
import { streamFlowEvents } from './stream-flow-events.ts'
import { submitFlow } from './submit-flow.ts'

/** Everything below `/v1/flows`, except for deliveries. */
export function flowRoutes(app: FastifyInstance, deps: RouteDeps): void {
  deps.schemas
    .add(flowSchema, {
      id: 'Flow',
      description: 'Jobs that depend on each other, at one moment',
      examples: [exampleFlow],
    })
    .add(flowTreeSchema, { id: 'FlowTree', description: 'A node of a flow: a job, or a group of nodes' })
    .add(memberSchema, { id: 'FlowMember', description: 'A member of a flow with its result' })
  submitFlow(app, deps)
  listFlows(app, deps)
  readFlow(app, deps)
  readFlowResults(app, deps)
  streamFlowEvents(app, deps)
  cancelAndRetryFlow(app, deps)
  deleteFlow(app, deps)
}
