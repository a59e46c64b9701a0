import { createHash } from 'node:crypto'
import type { JobRef } from '../../model/job-id.ts'
import type { JobNode } from './plan.ts'

/** Crockford's base 32, the alphabet of ULIDs. */
const digits = '0123456789abcdefghjkmnpqrstvwxyz'
const timeDigits = 10
const flowDigits = 10
const nodeDigits = 6
const ulidDigits = timeDigits + flowDigits + nodeDigits

/** The part of a job id between its queue and its node, the same for all jobs of a flow: the time of the flow, and a digest of its id. */
function flowPart(flowId: string): string {
  const ulid = flowId.slice(-26)
  let bits = createHash('sha256').update(flowId).digest().readBigUInt64BE()
  let text = ''
  for (let i = 0; i < flowDigits; i++) {
    text += digits[Number(bits & 31n)]
    bits >>= 5n
  }
  return ulid.slice(0, timeDigits) + text
}

/**
 * The ids of the jobs of a flow. They have the shape of all job ids and are derived from the flow and the node, so that a job that is
 * stored twice is stored once. Within a flow they sort by node.
 */
export class FlowJobIds {
  readonly #flowPart: string

  constructor(flowId: string) {
    this.#flowPart = flowPart(flowId)
  }

  ref(queue: string, node: number): JobRef {
    let text = ''
    for (let rest = node, i = 0; i < nodeDigits; i++) {
      text = digits.charAt(rest % 32) + text
      rest = Math.floor(rest / 32)
    }
    return { queue, id: this.prefix(queue) + text }
  }

  /** What the ids of all jobs of the flow have in common. */
  get flow(): string {
    return this.#flowPart
  }

  /** … as it stands in the id of a job. */
  static flowOf(jobId: string): string {
    return jobId.slice(-ulidDigits, -nodeDigits)
  }

  /** The prefix of all ids in `queue`. */
  prefix(queue: string): string {
    return `${queue}_${this.#flowPart}`
  }

  /** The node of a job; undefined when it is not a job of this flow. */
  node(jobId: string): number | undefined {
    const ulid = jobId.slice(-26)
    if (!ulid.startsWith(this.#flowPart)) return undefined
    let node = 0
    for (const digit of ulid.slice(-nodeDigits).split('')) node = node * 32 + digits.indexOf(digit)
    return node
  }
}

/** The refs of jobs of a flow, in the order given. */
export function refsOf(flowId: string, jobs: Iterable<JobNode>): JobRef[] {
  const ids = new FlowJobIds(flowId)
  return Array.from(jobs, ({ n, job }) => ids.ref(job.queue, n))
}
