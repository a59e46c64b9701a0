import { z } from 'zod'
import { flowSchema, flowTreeSchema, memberSchema } from '../flows/flow-resource.ts'
import { problemSchema } from '../http/problem.ts'
import { jobTypeSchema } from '../job-types/describe-job-types.ts'
import { exampleJob, exampleQueue } from '../jobs/examples.ts'
import { jobSchema } from '../jobs/job-resource.ts'
import { queueSchema } from '../queues/describe-queues.ts'

/** What a schema is called under `components`, and what is said of it there. One registry for each app, since job types differ. */
export type SchemaNames = ReturnType<typeof nameSchemas>

/** Names the schemas that every app has. */
export function nameSchemas() {
  return z
    .registry<{ id: string; title?: string; description?: string; examples?: unknown[] }>()
    .add(jobSchema, { id: 'Job', description: 'A job at one moment', examples: [exampleJob] })
    .add(flowSchema, { id: 'Flow', description: 'Jobs that depend on each other, at one moment' })
    .add(flowTreeSchema, { id: 'FlowTree', description: 'A node of a flow: a job, or what it consists of' })
    .add(memberSchema, { id: 'FlowMember', description: 'What a member of a flow gave, or why not' })
    .add(jobTypeSchema, { id: 'JobType', description: 'What can be submitted, and how it is run' })
    .add(queueSchema, { id: 'Queue', description: 'A queue at one moment', examples: [exampleQueue] })
    .add(problemSchema, { id: 'Problem', description: 'Problem details (RFC 9457)' })
}
