import { createHash } from 'node:crypto'
import type { JobRef } from '../../model/job-id.ts'

/** Crockford's base 32, as ULIDs are written. */
const digits = '0123456789abcdefghjkmnpqrstvwxyz'
const timeDigits = 10
const flowDigits = 10
const nodeDigits = 6

/** What the ids of all jobs of a flow have between the queue's name and their node: the flow's time, and a digest of its id. */
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
 * The ids of a flow's jobs: of the shape of any job's, and the same for everybody who asks, so that storing a job twice stores
 * it once. Those of one flow sort by their node.
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

  /** What they start with in `queue`. */
  prefix(queue: string): string {
    return `${queue}_${this.#flowPart}`
  }

  /** The node of a job of this flow. */
  node(jobId: string): number | undefined {
    const ulid = jobId.slice(-26)
    if (!ulid.startsWith(this.#flowPart)) return undefined
    let node = 0
    for (const digit of ulid.slice(-nodeDigits).split('')) node = node * 32 + digits.indexOf(digit)
    return node
  }
}
