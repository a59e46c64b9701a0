import type { JobRecord } from '../../model/job-record.ts'
import type { JobEnd } from '../../model/job-states.ts'
import type { Webhook } from '../../model/webhook-target.ts'

/** Raised when the stored form changes so that older code would misread it. */
export const flowVersion = 1

/** What a whole flow may be: more is refused when it is submitted, or fails the `map` that would grow beyond it. */
export const flowBounds = { nodes: 20_000, depth: 16, mapped: 10_000, inputBytes: 8 * 1024 * 1024 }

/** What happens to the others of a `gather` or `map` when one of them does not succeed. */
export type OnFailure = 'fail_fast' | 'continue'

/** A job of a flow as it is stored. Its delay counts from the moment when the flow comes to it. */
export interface FlowJob {
  type: string
  queue: string
  attempts: number
  delayMs?: number
  /** Epoch ms. */
  runAt?: number
  /** Its input has `$output` or `$item` in it, and is complete only when the flow comes to it. */
  dynamic?: true
  record: Omit<JobRecord, 'v' | 'flow'>
}

/** One node per element of the array that `over` stands for, at most `limit`. */
export interface FlowMap {
  over: unknown
  node: FlowNode
  limit: number
  onFailure: OnFailure
}

/** A flow's tree as it is stored: checked, with every default filled in. */
export type FlowNode =
  | { job: FlowJob }
  | { chain: FlowNode[] }
  | { gather: FlowNode[]; onFailure: OnFailure }
  | { map: FlowMap }

/** A flow at one moment, with its tree. */
export interface StoredFlow extends FlowHead {
  tree: FlowNode
}

/** A flow at one moment, but for its tree, which may be long. Times are epoch ms. */
export interface FlowHead {
  id: string
  /** Those that its jobs use, also the jobs that a `map` will become. */
  queues: string[]
  tenant: string
  tags: string[]
  metadata: Record<string, string>
  webhook: Webhook | undefined
  createdAt: number
  deadlineMs: number | undefined
  deadlineAt: number | undefined
  run: number
  /** How many nodes are numbered: those of the tree, and those that a `map` became. */
  nodes: number
  jobs: number
  /** How many jobs the flow has not come to so far, as of its last step. */
  blocked: number
  ended: Record<JobEnd, number>
  /** Why the flow is being stopped, and since when. */
  stop: { why: 'canceled' | 'deadline_exceeded'; at: number } | undefined
  /** Whether all jobs of the tree were stored. */
  isStored: boolean
  finished: { state: JobEnd; at: number; error: FlowError | undefined } | undefined
  /** The latest run whose end the webhook tells of, or does not ask for; 0: none so far. */
  toldRun: number
}

/** Why a flow did not succeed. Where a job is to blame, this is its error, and which job it was. */
export interface FlowError {
  code: string
  message: string
  job_id: string | null
  path: string | null
}

/** How many nodes a tree has, itself included; what a `map` will become is not counted. */
export function countNodes(tree: FlowNode): number {
  let count = 0
  const walk = (node: FlowNode): void => {
    count += 1
    if ('chain' in node) node.chain.forEach(walk)
    else if ('gather' in node) node.gather.forEach(walk)
  }
  walk(tree)
  return count
}

/** The queues that the jobs of a tree use, also those that a `map` will become. */
export function queuesOfTree(tree: FlowNode): Set<string> {
  const queues = new Set<string>()
  const walk = (node: FlowNode): void => {
    if ('job' in node) queues.add(node.job.queue)
    else if ('chain' in node) node.chain.forEach(walk)
    else if ('gather' in node) node.gather.forEach(walk)
    else walk(node.map.node)
  }
  walk(tree)
  return queues
}
