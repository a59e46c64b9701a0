import { z } from 'zod'
import type { FlowProgress, LoadedFlow } from '../../queue/flows/flows.ts'
import type { PlanNode } from '../../queue/flows/model/plan.ts'
import type { JobState } from '../../queue/model/job-states.ts'
import { keptForMs, type Retention } from '../../queue/model/retention.ts'
import { heldBackResource, heldBackSchema } from '../http/held-back.ts'
import { optionalTimestamp, timestamp } from '../http/timestamp.ts'
import {
  doneField,
  errorSummaryField,
  metadataField,
  named,
  stateField,
  tagsField,
  timeField,
} from '../openapi/fields.ts'
import { flowPath } from './find-flow.ts'

/** The query of every route that answers with a flow. */
export const treeQuery = {
  tree: named('TreeDetail', z.enum(['full', 'none']))
    .default('full')
    .describe('`none` omits the tree, which is long for a large flow'),
}

const count = z.int().min(0)
const countsSchema = named(
  'CountsByState',
  z.object({
    scheduled: count,
    blocked: count,
    queued: count,
    running: count,
    succeeded: count,
    failed: count,
    canceled: count,
    expired: count,
  }),
)

const onFailure = named('OnFailure', z.enum(['fail_fast', 'continue']))
const treeBase = { path: z.string().describe('JSON Pointer into the body of the submission'), state: stateField }

/** A node of a flow's tree as clients see it: a job, or a group of nodes. `kind` tells generated clients which. */
export const flowTreeSchema: z.ZodType<FlowTree> = z.lazy(() =>
  z.xor([
    named('FlowTreeJob', z.object({ kind: z.literal('job'), ...treeBase, id: z.string(), type: z.string() })),
    named('FlowTreeChain', z.object({ kind: z.literal('chain'), ...treeBase, chain: z.array(flowTreeSchema) })),
    named(
      'FlowTreeGather',
      z.object({ kind: z.literal('gather'), ...treeBase, gather: z.array(flowTreeSchema), on_failure: onFailure }),
    ),
    named(
      'FlowTreeMap',
      z.object({ kind: z.literal('map'), ...treeBase, map: z.array(flowTreeSchema), on_failure: onFailure }),
    ),
  ]),
)
type FlowTree = { path: string; state: JobState } & (
  | { kind: 'job'; id: string; type: string }
  | { kind: 'chain'; chain: FlowTree[] }
  | { kind: 'gather'; gather: FlowTree[]; on_failure: 'fail_fast' | 'continue' }
  | { kind: 'map'; map: FlowTree[]; on_failure: 'fail_fast' | 'continue' }
)

/** A flow as clients see it. */
export const flowSchema = z.object({
  id: z.string(),
  state: stateField,
  done: doneField,
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      job_id: z.string().nullable().describe('The job that caused the end of the flow'),
      path: z.string().nullable(),
    })
    .nullable(),
  run: z.int().describe('Starts at 1 and increases with each `POST …/retry`'),
  jobs: z.int().describe('The number of jobs. Increases when a map expands'),
  counts: countsSchema.describe('Number of jobs by state'),
  tree: flowTreeSchema.nullable().describe('Null with `?tree=none`'),
  held_back: heldBackSchema
    .nullable()
    .describe('Why a map cannot expand further at the moment: it goes on when there is room'),
  tags: tagsField,
  metadata: metadataField,
  created_at: timeField,
  finished_at: timeField.nullable(),
  cancel_requested_at: timeField.nullable(),
  deadline_at: timeField.nullable(),
  expires_at: timeField.nullable().describe('At the latest: results give way sooner where Redis is low on memory'),
  links: z.object({
    self: z.string(),
    results: z.string(),
    events: z.string(),
    cancel: z.string(),
    deliveries: z.string(),
  }),
})

export type FlowResource = z.output<typeof flowSchema>

/** A stored flow as clients see it. `open` is the flow with all its nodes; without it the tree is null. */
export function flowResource(progress: FlowProgress, open: LoadedFlow | undefined, retention: Retention): FlowResource {
  const { flow } = progress
  const { finished } = flow
  const self = flowPath(flow.id)
  const counts = countJobs(progress)
  return {
    id: flow.id,
    state: finished?.state ?? liveState(counts, progress.parked.size > 0),
    done: finished !== undefined,
    error: finished?.error ?? null,
    run: flow.run,
    jobs: flow.jobs,
    counts,
    tree: open ? treeOf(open, open.plan.root, progress) : null,
    held_back: finished ? null : heldBackResource(flow.heldBack),
    tags: flow.tags,
    metadata: flow.metadata,
    created_at: timestamp(flow.createdAt),
    finished_at: optionalTimestamp(finished?.at),
    cancel_requested_at: optionalTimestamp(flow.stop?.why === 'canceled' ? flow.stop.at : undefined),
    deadline_at: optionalTimestamp(flow.deadlineAt),
    expires_at: optionalTimestamp(finished && finished.at + keptForMs(finished.state, retention)),
    links: {
      self,
      results: `${self}/results`,
      events: `${self}/events`,
      cancel: `${self}/cancel`,
      deliveries: `${self}/deliveries`,
    },
  }
}

/** The sets are read one after the other, so a job that moves may be in two of them: the sum never exceeds the number of jobs. */
function countJobs({ flow, running, scheduled, parked }: FlowProgress): z.output<typeof countsSchema> {
  const { ended } = flow
  const open = Math.max(0, flow.jobs - ended.succeeded - ended.failed - ended.canceled - ended.expired)
  const ofRunning = Math.min(running.size, open)
  const ofScheduled = Math.min(scheduled.size, open - ofRunning)
  const ofBlocked = Math.min(flow.blocked + parked.size, open - ofRunning - ofScheduled)
  const rest = open - ofRunning - ofScheduled - ofBlocked
  // Nothing is queued in a flow that is being stopped: these jobs are about to end.
  const queued = flow.stop ? 0 : rest
  return { scheduled: ofScheduled, blocked: ofBlocked, queued, running: ofRunning + rest - queued, ...ended }
}

/** The state of a flow that is not done: it runs from the first start of one of its jobs. */
function liveState(counts: z.output<typeof countsSchema>, isAnyParked: boolean): JobState {
  if (isAnyParked) return 'running'
  if (counts.running + counts.succeeded + counts.failed + counts.canceled + counts.expired > 0) return 'running'
  return counts.queued === 0 && counts.scheduled > 0 ? 'scheduled' : 'queued'
}

function treeOf(open: LoadedFlow, node: PlanNode, progress: FlowProgress): FlowTree {
  const base = { path: node.path, state: stateOf(open, node, progress) }
  if (node.kind === 'job') return { kind: 'job', ...base, id: open.jobId(node) ?? '', type: node.job.type }
  const children = node.children.map((child) => treeOf(open, child, progress))
  if (node.kind === 'chain') return { kind: 'chain', ...base, chain: children }
  if (node.kind === 'gather') return { kind: 'gather', ...base, gather: children, on_failure: node.onFailure }
  return { kind: 'map', ...base, map: children, on_failure: node.onFailure }
}

function stateOf({ evaluation }: LoadedFlow, node: PlanNode, progress: FlowProgress): JobState {
  const { running, scheduled, parked } = progress
  // The end of a stopped flow does not depend on its jobs.
  const { finished } = progress.flow
  if (finished && !node.parent) return finished.state
  const end = evaluation.endOf(node)
  if (end) return end.state
  // The coordinator may hear later of a step that was released with the end of the one before.
  if (running.has(node.n)) return 'running'
  if (scheduled.has(node.n)) return 'scheduled'
  if (parked.has(node.n)) return 'blocked'
  if (!evaluation.isStarted(node)) return 'blocked'
  return node.kind === 'job' ? 'queued' : 'running'
}

/** A member of a flow with its result. */
export const memberSchema = z.object({
  id: z.string().nullable().describe('The id of the job. Null where the member is a group of jobs'),
  index: z.int().describe('Its place among the nodes of its chain, gather or map'),
  path: z.string(),
  metadata: metadataField.describe('Of the job. Empty where the member is a group of jobs'),
  state: stateField,
  output: z.unknown(),
  output_bytes: z
    .int()
    .nullable()
    .describe(
      'In events: the size in bytes of JSON of an output above 16,384 bytes, which is not in `output`: read it with the job',
    ),
  error: errorSummaryField.nullable(),
})
export type MemberResource = z.output<typeof memberSchema>
