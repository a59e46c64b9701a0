import type { HeldBack } from '../../model/held-back.ts'
import type { JobRecord } from '../../model/job-record.ts'
import type { JobEnd } from '../../model/job-states.ts'
import type { Webhook } from '../../model/webhook-target.ts'

/** Raised when the stored form changes so that older code would misread it. */
export const flowVersion = 1

/** Bounds of a whole flow. A larger one is refused when it is submitted; a `map` that would exceed them fails. */
export const flowBounds = { nodes: 20_000, depth: 16, mapped: 10_000, inputBytes: 8 * 1024 * 1024 }

/** What happens to the other children of a `gather` or `map` when one does not succeed. */
export type OnFailure = 'fail_fast' | 'continue'

/** A job of a flow as it is stored. Its delay counts from its release. */
export interface FlowJob {
  type: string
  queue: string
  attempts: number
  delayMs?: number
  /** Epoch ms. */
  runAt?: number
  /** Its input holds references and is completed when the job is released. `output`: all of them are `$output`; earlier versions wrote `true`. */
  dynamic?: true | 'output'
  record: Omit<JobRecord, 'v' | 'flow'>
}

/** Expands into one node per item of the array that `over` resolves to, at most `limit`. */
export interface FlowMap {
  over: unknown
  node: FlowNode
  limit: number
  onFailure: OnFailure
}

/** A flow's tree as it is stored: validated, with every default filled in. */
export type FlowNode =
  | { job: FlowJob }
  | { chain: FlowNode[] }
  | { gather: FlowNode[]; onFailure: OnFailure }
  | { map: FlowMap }

/** A flow at one moment, with its tree. */
export interface StoredFlow extends FlowHead {
  tree: FlowNode
}

/** Why a flow is stopped; `internal_error`: it cannot be driven to its end. */
export type FlowStop = 'canceled' | 'deadline_exceeded' | 'internal_error'

/** A flow at one moment, without its tree, which may be large. Times are epoch ms. */
export interface FlowHead {
  id: string
  /** The queues of its jobs, with those that a `map` will expand into. */
  queues: string[]
  tenant: string
  tags: string[]
  metadata: Record<string, string>
  webhook: Webhook | undefined
  /** Of the request that submitted it. */
  requestId: string | undefined
  createdAt: number
  deadlineMs: number | undefined
  deadlineAt: number | undefined
  run: number
  /** Numbered nodes: those of the tree, and those of expanded maps. */
  nodes: number
  jobs: number
  /** Jobs that have not been released, as of the flow's last step. */
  blocked: number
  ended: Record<JobEnd, number>
  /** Why the flow is being stopped, and since when. */
  stop: { why: FlowStop; at: number } | undefined
  /** Whether all jobs of the tree are stored. */
  isStored: boolean
  finished: { state: JobEnd; at: number; error: FlowError | undefined } | undefined
  /** Why a map cannot expand further at the moment. */
  heldBack: HeldBack | undefined
  /** The latest run whose webhook is stored, or that wanted none; 0: none so far. */
  notifiedRun: number
}

/** Why a flow did not succeed. Where a job decided it, this is the error of that job. */
export interface FlowError {
  code: string
  message: string
  job_id: string | null
  path: string | null
}

/** How many nodes a tree has, itself included, without those that a `map` will expand into. */
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

/** The queues of the jobs of a tree, with those that a `map` will expand into. */
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
