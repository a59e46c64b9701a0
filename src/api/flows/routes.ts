import type { FastifyInstance } from 'fastify'
import type { RouteDeps } from '../deps.ts'
import { steerFlow } from './cancel-and-retry-flow.ts'
import { flowSchema, flowTreeSchema, memberSchema } from './flow-resource.ts'
import { readFlow } from './read-flow.ts'
import { readFlowResults } from './read-flow-results.ts'
import { streamFlowEvents } from './stream-flow-events.ts'
import { submitFlow } from './submit-flow.ts'

/** Everything below `/v1/flows`, except for deliveries. */
export function flowRoutes(app: FastifyInstance, deps: RouteDeps): void {
  deps.schemas
    .add(flowSchema, { id: 'Flow', description: 'Jobs that depend on each other, at one moment' })
    .add(flowTreeSchema, { id: 'FlowTree', description: 'A node of a flow: a job, or what it consists of' })
    .add(memberSchema, { id: 'FlowMember', description: 'What a member of a flow gave, or why not' })
  submitFlow(app, deps)
  readFlow(app, deps)
  readFlowResults(app, deps)
  streamFlowEvents(app, deps)
  steerFlow(app, deps)
}
