import { z } from 'zod'
import { heldBackSchema } from '../model/held-back.ts'
import { anonymousTenant } from '../model/job-record.ts'
import type { JobEnd } from '../model/job-states.ts'
import { type Webhook, webhookSchema } from '../model/webhook-target.ts'
import {
  type FlowError,
  type FlowHead,
  type FlowNode,
  type FlowStop,
  flowVersion,
  queuesOfTree,
} from './model/document.ts'
import type { Expansion } from './model/plan.ts'

/** A flow to be stored. Times are epoch ms. */
export interface NewFlow {
  id: string
  tree: FlowNode
  tenant: string
  tags: string[]
  metadata: Record<string, string>
  webhook: Webhook | undefined
  createdAt: number
  deadlineMs: number | undefined
  /** The maps that are expanded from the start. */
  expansions: Expansion[]
  /** Of the request that submitted it. */
  requestId?: string | undefined
  nodes: number
  jobs: number
  /** How many of its jobs start at once. */
  ready: number
}

/** The end of a job of a flow, or of a map that could not be expanded. */
export interface NodeEnded {
  node: number
  state: JobEnd
  /** Epoch ms. */
  at: number
  /** Set where no job holds the error. */
  error?: FlowError | undefined
  isJob: boolean
}

/** An end as it is read back. */
export type RecordedEnd = Omit<NodeEnded, 'isJob'>

/** The fields of a new flow's hash. */
export function encodeFlow(flow: NewFlow): Record<string, string | number> {
  const { createdAt, deadlineMs, webhook } = flow
  return {
    v: flowVersion,
    tree: JSON.stringify(flow.tree),
    queues: JSON.stringify([...queuesOfTree(flow.tree)]),
    tenant: flow.tenant,
    tags: JSON.stringify(flow.tags),
    metadata: JSON.stringify(flow.metadata),
    ...(webhook && { webhook: JSON.stringify(webhook) }),
    ...(flow.requestId !== undefined && { requestId: flow.requestId }),
    createdAt,
    ...(deadlineMs !== undefined && { deadlineMs, deadlineAt: createdAt + deadlineMs }),
    run: 1,
    nodes: flow.nodes,
    jobs: flow.jobs,
    blocked: flow.jobs - flow.ready,
  }
}

/** All fields of a flow's hash but its tree, which may be large. */
export const headFields = [
  'v',
  'queues',
  'tenant',
  'tags',
  'metadata',
  'webhook',
  'requestId',
  'createdAt',
  'deadlineMs',
  'deadlineAt',
  'run',
  'nodes',
  'jobs',
  'blocked',
  'succeeded',
  'failed',
  'canceled',
  'expired',
  'stop',
  'stored',
  'state',
  'finishedAt',
  'error',
  'heldBack',
  'toldRun',
]

/** Reads a flow's hash; undefined when it is empty. @throws when another version of Drover wrote it */
export function decodeHead(id: string, hash: Record<string, string>): FlowHead | undefined {
  const { createdAt, deadlineMs, deadlineAt, webhook } = hash
  if (createdAt === undefined) return undefined
  if (Number(hash['v']) !== flowVersion) throw new Error(`flow ${id} was written by another version of Drover`)
  const count = (name: string) => Number(hash[name] ?? 0)
  return {
    id,
    queues: z.array(z.string()).parse(JSON.parse(hash['queues'] ?? '[]')),
    tenant: hash['tenant'] ?? anonymousTenant,
    tags: z.array(z.string()).parse(JSON.parse(hash['tags'] ?? '[]')),
    metadata: z.record(z.string(), z.string()).parse(JSON.parse(hash['metadata'] ?? '{}')),
    webhook: webhook === undefined ? undefined : webhookSchema.parse(JSON.parse(webhook)),
    requestId: hash['requestId'],
    createdAt: Number(createdAt),
    deadlineMs: deadlineMs === undefined ? undefined : Number(deadlineMs),
    deadlineAt: deadlineAt === undefined ? undefined : Number(deadlineAt),
    run: count('run'),
    nodes: count('nodes'),
    jobs: count('jobs'),
    blocked: count('blocked'),
    ended: {
      succeeded: count('succeeded'),
      failed: count('failed'),
      canceled: count('canceled'),
      expired: count('expired'),
    },
    stop: decodeStop(hash['stop']),
    isStored: hash['stored'] !== undefined,
    finished: decodeFinished(hash),
    heldBack: hash['heldBack'] === undefined ? undefined : heldBackSchema.parse(JSON.parse(hash['heldBack'])),
    notifiedRun: count('toldRun'),
  }
}

function decodeStop(text: string | undefined): FlowHead['stop'] {
  const [, why, since] = /^(canceled|deadline_exceeded|internal_error) (\d+)$/.exec(text ?? '') ?? []
  return why === undefined ? undefined : { why: why as FlowStop, at: Number(since) }
}

function decodeFinished({ finishedAt, state, error }: Record<string, string>): FlowHead['finished'] {
  if (finishedAt === undefined) return undefined
  const decoded = error ? errorSchema.parse(JSON.parse(error)) : undefined
  return { state: state as JobEnd, at: Number(finishedAt), error: decoded }
}

const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  job_id: z.string().nullable(),
  path: z.string().nullable(),
})

/** `<state> <epoch ms>`, followed by the error as JSON where there is one. */
export function encodeEnd({ state, at, error }: NodeEnded): string {
  return `${state} ${at}${error ? ` ${JSON.stringify(error)}` : ''}`
}

/** The end of a node; undefined when the text is not one. */
export function decodeEnd(node: string, text: string | undefined): RecordedEnd | undefined {
  const [, state, at, error] = /^(succeeded|failed|canceled|expired) (\d+)(?: (.*))?$/s.exec(text ?? '') ?? []
  if (state === undefined) return undefined
  const decoded = error === undefined ? undefined : errorSchema.parse(JSON.parse(error))
  return { node: Number(node), state: state as JobEnd, at: Number(at), error: decoded }
}

/** The fields of a new flow's expansions. Their jobs are stored with those of the tree. */
export function encodeExpansions(expansions: Expansion[]): (string | number)[] {
  return expansions.flatMap(({ node, first, items }) => {
    return [node, `${first} ${JSON.stringify(items)}`, `stored:${node}`, 1]
  })
}

/** Reads `<number of its first node> <items as JSON>`, as expand-flow.lua writes it. */
export function decodeExpansion(node: number, text: string): Expansion {
  const space = text.indexOf(' ')
  return { node, first: Number(text.slice(0, space)), items: JSON.parse(text.slice(space + 1)) as unknown[] }
}

/**
 * Reads the hash of a flow's expansions: for the map n its items under `n`, how many are admitted (`stored:n:admitted`, by default all), of
 * how many the jobs are stored (`stored:n:items`), and whether all are (`stored:n`).
 */
export function decodeExpansions(hash: Record<string, string>): {
  expansions: Expansion[]
  unstored: Map<number, number>
} {
  const expansions: Expansion[] = []
  const unstored = new Map<number, number>()
  for (const [field, text] of Object.entries(hash)) {
    if (field.startsWith('stored:')) continue
    const n = Number(field)
    const expansion = decodeExpansion(n, text)
    const stored = `stored:${field}`
    const isWhole = hash[stored] !== undefined
    const admitted = isWhole ? expansion.items.length : Number(hash[`${stored}:admitted`] ?? expansion.items.length)
    const storedItems = Number(hash[`${stored}:items`] ?? 0)
    expansions.push({ ...expansion, admitted })
    if (!isWhole && storedItems < admitted) unstored.set(n, storedItems)
  }
  return { expansions, unstored }
}

/** The error of a job that was removed before its end was recorded. */
export const jobRemoved = { code: 'removed', message: 'the job was removed' }

/** The error of a flow that cannot be driven to its end. */
export const undrivable = {
  code: 'internal_error',
  message: 'the service failed to drive the flow; its log says why',
  job_id: null,
  path: null,
} satisfies FlowError

/** How a flow that was stopped ends, in the arguments of finish-flow.lua: reason, state, error. */
export const stoppedEnds = [
  ['canceled', 'canceled', stopError('canceled', 'the flow was canceled')],
  ['deadline_exceeded', 'failed', stopError('deadline_exceeded', "the flow's deadline has passed")],
  ['internal_error', 'failed', JSON.stringify(undrivable)],
] as const

function stopError(code: string, message: string): string {
  return JSON.stringify({ code, message, job_id: null, path: null } satisfies FlowError)
}

/** What the next run of a flow does not keep. */
export interface Reopening {
  /** The nodes that are to end anew or are given up, with the state of those that are jobs. */
  anew: { node: number; state: JobEnd | undefined }[]
  /** Maps that are expanded anew. */
  collapsed: number[]
  nodesGone: number
  jobsGone: number
  /** How many jobs are blocked now. */
  blocked: number
  /** Epoch ms. */
  deadlineAt: number | undefined
}
