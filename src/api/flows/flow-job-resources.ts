import { maskSecrets, type SecretPaths } from '../../jobs/secrets.ts'
import type { Flows, JobResult, LoadedFlow } from '../../queue/flows/flows.ts'
import type { JobNode, PlanNode } from '../../queue/flows/model/plan.ts'
import { largeBytes } from '../../queue/model/payload.ts'
import type { MemberResource } from './flow-resource.ts'

/** The members of the outermost gather or map, the steps of the outermost chain, or the one job. */
export function membersOf({ plan }: LoadedFlow): PlanNode[] {
  return plan.root.kind === 'job' ? [plan.root] : plan.root.children
}

/** The outputs of this many jobs are held in memory at once. */
const atOnce = 20

/** Nodes in groups for {@link memberResources}. */
export function* inGroups(nodes: PlanNode[]): Generator<PlanNode[]> {
  for (let i = 0; i < nodes.length; i += atOnce) yield nodes.slice(i, i + atOnce)
}

/**
 * Members as clients see them. One that is not done has neither output nor error. Where a job is not stored any more, or an output is
 * too large to be assembled, the error says so. In an event a large output of a job is left out.
 */
export async function memberResources(
  flows: Flows,
  open: LoadedFlow,
  nodes: PlanNode[],
  isEvent = false,
): Promise<MemberResource[]> {
  const causes = nodes.map((node) => causeOf(open, node))
  const jobs = causes.filter((cause) => cause !== undefined)
  const results = await flows.results(open.flow, jobs, isEvent ? 'small' : 'whole')
  const resultOf = new Map(jobs.map((job, k) => [job, results[k]]))
  const resources: MemberResource[] = []
  for (const [k, node] of nodes.entries()) {
    const cause = causes[k]
    const result = cause && resultOf.get(cause)
    const outputBytes = isEvent && result ? largeOutput(result) : undefined
    if (outputBytes === undefined) resources.push(await memberResource(flows, open, node, result))
    else resources.push({ ...baseOf(open, node), state: 'succeeded', output_bytes: outputBytes })
  }
  return resources
}

/** The size of an output that an event leaves out. */
function largeOutput(result: JobResult): number | undefined {
  if (result.status === 'large') return result.bytes
  return result.status === 'succeeded' ? largeBytes(result.output) : undefined
}

/** The job from which an ended member's output or error is read, where it is a single one. */
function causeOf({ evaluation }: LoadedFlow, node: PlanNode): JobNode | undefined {
  const end = evaluation.endOf(node)
  if (!end) return undefined
  if (node.kind === 'job') return node
  return end.cause?.kind === 'job' ? end.cause : undefined
}

function baseOf(open: LoadedFlow, node: PlanNode) {
  const { index, path } = node
  const metadata = node.kind === 'job' ? (node.job.record.metadata ?? {}) : {}
  return { id: open.jobId(node), index, path, metadata, output: null, output_bytes: null, error: null }
}

async function memberResource(
  flows: Flows,
  open: LoadedFlow,
  node: PlanNode,
  result: JobResult | undefined,
): Promise<MemberResource> {
  const { flow, evaluation } = open
  const base = baseOf(open, node)
  const end = evaluation.endOf(node)
  if (!end) return { ...base, state: evaluation.isStarted(node) ? 'running' : 'blocked' }
  const { state } = end
  const visible = (output: unknown) => maskSecrets(output, outputSecrets(node))
  if (state !== 'succeeded') {
    if (result) {
      const { code, message } = result.status === 'failed' ? result.failure : removed
      return { ...base, state, error: { code, message } }
    }
    const error = end.cause && (await flows.store.errorOf(flow.id, end.cause.n))
    return { ...base, state, error: error ? { code: error.code, message: error.message } : canceled }
  }
  if (node.kind === 'job') {
    if (result?.status === 'succeeded') return { ...base, state, output: visible(JSON.parse(result.output)) }
    return { ...base, state, error: result?.status === 'too_large' ? tooLarge : removed }
  }
  const found = await flows.output(open, node)
  return found.status === 'found'
    ? { ...base, state, output: visible(found.value) }
    : { ...base, state, error: tooLarge }
}

/** Where the output of a node has secrets: that of a group is an array of those of its members, that of a chain the one of its last step. */
function outputSecrets(node: PlanNode): SecretPaths {
  if (node.kind === 'job') return node.job.record.secrets?.output ?? []
  if (node.kind === 'chain') return node.children.slice(-1).flatMap(outputSecrets)
  return node.children.flatMap((child, n) => outputSecrets(child).map((path) => [String(n), ...path]))
}

const removed = { code: 'removed', message: 'the job has expired or was deleted' }
const canceled = { code: 'canceled', message: 'canceled with the rest of its flow' }
const tooLarge = {
  code: 'output_too_large',
  message: 'the output is too large to be assembled: read the jobs of the member',
}
