import { z } from 'zod'
import type { FlowProgress, LoadedFlow } from '../../queue/flows/flows.ts'
import type { PlanNode } from '../../queue/flows/model/plan.ts'
import { type JobState, jobStates } from '../../queue/model/job-states.ts'
import { jobStateSchema, timestamp } from '../jobs/job-resource.ts'
import { flowPath } from './find-flow.ts'

const time = z.iso.datetime().describe('RFC 3339, UTC, with milliseconds')

/** The query of every route that answers with a flow. */
export const treeQuery = {
  tree: z.enum(['full', 'none']).default('full').describe('`none` omits the tree, which is long for a large flow'),
}

const count = z.int().min(0)
const countsSchema = z.object({
  scheduled: count,
  blocked: count,
  queued: count,
  running: count,
  succeeded: count,
  failed: count,
  canceled: count,
  expired: count,
})

/** A node of a flow's tree as clients see it: a job, or what it consists of. */
const treeBase = { path: z.string().describe('JSON Pointer into the body of the submission'), state: jobStateSchema }
export const flowTreeSchema: z.ZodType<FlowTree> = z.lazy(() =>
  z.union([
    z.object({ ...treeBase, id: z.string(), type: z.string() }),
    z.object({ ...treeBase, chain: z.array(flowTreeSchema) }),
    z.object({ ...treeBase, gather: z.array(flowTreeSchema), on_failure: z.enum(['fail_fast', 'continue']) }),
    z.object({ ...treeBase, map: z.array(flowTreeSchema), on_failure: z.enum(['fail_fast', 'continue']) }),
  ]),
)
type FlowTree = { path: string; state: JobState } & (
  | { id: string; type: string }
  | { chain: FlowTree[] }
  | { gather: FlowTree[]; on_failure: 'fail_fast' | 'continue' }
  | { map: FlowTree[]; on_failure: 'fail_fast' | 'continue' }
)

/** A flow as clients see it. */
export const flowSchema = z.object({
  id: z.string(),
  state: jobStateSchema,
  done: z.boolean().describe('True in the four ends: succeeded, failed, canceled, expired'),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      job_id: z.string().nullable().describe('The job that decided it'),
      path: z.string().nullable(),
    })
    .nullable(),
  run: z.int().describe('Rises by one with each retry'),
  jobs: z.int().describe('How many there are; a map adds to them'),
  counts: countsSchema.describe('Jobs by state'),
  tree: flowTreeSchema.nullable().describe('Null where it was not asked for'),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.string()),
  created_at: time,
  finished_at: time.nullable(),
  cancel_requested_at: time.nullable(),
  deadline_at: time.nullable(),
  expires_at: time.nullable(),
  links: z.object({
    self: z.string(),
    results: z.string(),
    events: z.string(),
    cancel: z.string(),
    deliveries: z.string(),
  }),
})

export type FlowResource = z.output<typeof flowSchema>

/** A stored flow as clients see it; with its tree where all of it was read. */
export function flowResource(progress: FlowProgress, open: LoadedFlow | undefined, resultTtlMs: number): FlowResource {
  const { flow } = progress
  const { finished } = flow
  const self = flowPath(flow.id)
  const counts = countJobs(progress)
  return {
    id: flow.id,
    state: finished?.state ?? liveState(counts),
    done: finished !== undefined,
    error: finished?.error ?? null,
    run: flow.run,
    jobs: flow.jobs,
    counts,
    tree: open ? treeOf(open, open.plan.root, progress) : null,
    tags: flow.tags,
    metadata: flow.metadata,
    created_at: timestamp(flow.createdAt),
    finished_at: finished ? timestamp(finished.at) : null,
    cancel_requested_at: flow.stop?.why === 'canceled' ? timestamp(flow.stop.at) : null,
    deadline_at: flow.deadlineAt === undefined ? null : timestamp(flow.deadlineAt),
    expires_at: finished ? timestamp(finished.at + resultTtlMs) : null,
    links: {
      self,
      results: `${self}/results`,
      events: `${self}/events`,
      cancel: `${self}/cancel`,
      deliveries: `${self}/deliveries`,
    },
  }
}

/** The parts are read one after the other, so that a job on its way may be in two of them: together they are never more than all. */
function countJobs({ flow, running, scheduled }: FlowProgress): z.output<typeof countsSchema> {
  const { ended } = flow
  const open = Math.max(0, flow.jobs - ended.succeeded - ended.failed - ended.canceled - ended.expired)
  const ofRunning = Math.min(running.size, open)
  const ofScheduled = Math.min(scheduled.size, open - ofRunning)
  const ofBlocked = Math.min(flow.blocked, open - ofRunning - ofScheduled)
  const rest = open - ofRunning - ofScheduled - ofBlocked
  // In a flow that is being stopped nothing is queued: these are about to end.
  const queued = flow.stop ? 0 : rest
  return { scheduled: ofScheduled, blocked: ofBlocked, queued, running: ofRunning + rest - queued, ...ended }
}

/** A flow that goes on runs as soon as one of its jobs has started. */
function liveState(counts: z.output<typeof countsSchema>): JobState {
  if (counts.running + counts.succeeded + counts.failed + counts.canceled + counts.expired > 0) return 'running'
  return counts.queued === 0 && counts.scheduled > 0 ? 'scheduled' : 'queued'
}

function treeOf(open: LoadedFlow, node: PlanNode, progress: FlowProgress): FlowTree {
  const base = { path: node.path, state: stateOf(open, node, progress) }
  if (node.kind === 'job') return { ...base, id: open.jobId(node) ?? '', type: node.job.type }
  const children = node.children.map((child) => treeOf(open, child, progress))
  if (node.kind === 'chain') return { ...base, chain: children }
  if (node.kind === 'gather') return { ...base, gather: children, on_failure: node.onFailure }
  return { ...base, map: children, on_failure: node.onFailure }
}

function stateOf({ evaluation }: LoadedFlow, node: PlanNode, progress: FlowProgress): JobState {
  const { running, scheduled } = progress
  // A flow that was stopped has ended so, whatever became of its jobs.
  const { finished } = progress.flow
  if (finished && !node.parent) return finished.state
  const end = evaluation.endOf(node)
  if (end) return end.state
  if (!evaluation.isStarted(node)) return 'blocked'
  if (node.kind !== 'job' || running.has(node.n)) return 'running'
  return scheduled.has(node.n) ? 'scheduled' : 'queued'
}

/** A member of a flow: what it gave, or why not. */
export const memberSchema = z.object({
  id: z.string().nullable().describe('Of the job; null where the member consists of several'),
  path: z.string(),
  state: z.enum(jobStates),
  output: z.unknown(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
})
export type MemberResource = z.output<typeof memberSchema>
