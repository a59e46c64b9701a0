import type { StoredFailure } from '../model/failure.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { FlowMembers } from './flow-jobs.ts'
import { flowBounds, type StoredFlow } from './model/document.ts'
import type { FlowEvaluation } from './model/evaluation.ts'
import { MemberIds } from './model/flow-job-id.ts'
import { type JobNode, type PlanNode } from './model/plan.ts'
import { follow, isIndex } from './model/template.ts'

/** What a pointer into an output led to. */
export type Found = { status: 'found'; value: unknown } | { status: 'missing' } | { status: 'too_large' }

const atOnce = 100

/**
 * Outputs of the nodes of a flow, put together of those of its jobs: a chain's is that of its last step, a gather's the array
 * of its members'. In place of a member that did not succeed stands a problem object. Reads no more jobs than a pointer needs,
 * and no more than `flowBounds.inputBytes` of JSON for one value.
 */
export class FlowOutputs {
  readonly #flow: StoredFlow
  readonly #evaluation: FlowEvaluation
  readonly #members: FlowMembers
  readonly #known = new Map<string, Promise<Found>>()

  /** For one step of a flow: what was read is kept. */
  constructor(flow: StoredFlow, evaluation: FlowEvaluation, members: FlowMembers) {
    this.#flow = flow
    this.#evaluation = evaluation
    this.#members = members
  }

  /** What a JSON Pointer's tokens lead to in the output of a node that has ended. */
  at(node: PlanNode, tokens: readonly string[]): Promise<Found> {
    const end = this.#evaluation.endOf(node)
    if (node.kind !== 'job' && end?.state === 'succeeded') {
      if (node.kind === 'chain') return this.#in(node.children.at(-1), tokens)
      const [index, ...rest] = tokens
      if (index !== undefined) return this.#in(isIndex(index) ? node.children[Number(index)] : undefined, rest)
    }
    const key = `${node.n}`
    const whole = this.#known.get(key) ?? this.#read(node)
    this.#known.set(key, whole)
    return whole.then((found) => {
      if (found.status !== 'found') return found
      const led = follow(found.value, tokens)
      return led ? { status: 'found', value: led.value } : { status: 'missing' }
    })
  }

  #in(node: PlanNode | undefined, tokens: readonly string[]): Promise<Found> {
    return node ? this.at(node, tokens) : Promise.resolve({ status: 'missing' })
  }

  async #read(node: PlanNode): Promise<Found> {
    const jobs = [...this.#sources(node)]
    const values = new Map<JobNode, unknown>()
    let characters = 0
    for (let i = 0; i < jobs.length; i += atOnce) {
      const some = jobs.slice(i, i + atOnce)
      const results = await this.#members.results(this.#flow, some)
      for (const [k, job] of some.entries()) {
        const result = results[k]
        if (result?.status === 'too_large') return { status: 'too_large' }
        const state = this.#evaluation.endOf(job)?.state
        if (result?.status === 'succeeded') {
          characters += result.output.length
          if (characters > flowBounds.inputBytes) return { status: 'too_large' }
          values.set(job, JSON.parse(result.output))
        } else values.set(job, this.#problem(job, state, result?.status === 'failed' ? result.failure : undefined))
      }
    }
    return { status: 'found', value: this.#assemble(node, values) }
  }

  /** The jobs whose outputs, or failures, make up a node's output. */
  *#sources(node: PlanNode): Generator<JobNode> {
    if (node.kind === 'job') yield node
    else if (this.#evaluation.endOf(node)?.state !== 'succeeded') {
      const cause = this.#evaluation.endOf(node)?.cause
      if (cause?.kind === 'job') yield cause
    } else if (node.kind === 'chain') {
      const last = node.children.at(-1)
      if (last) yield* this.#sources(last)
    } else for (const child of node.children) yield* this.#sources(child)
  }

  #assemble(node: PlanNode, values: Map<JobNode, unknown>): unknown {
    if (node.kind === 'job') return values.get(node)
    const end = this.#evaluation.endOf(node)
    if (end?.state !== 'succeeded') {
      const { cause } = end ?? {}
      return (cause?.kind === 'job' && values.get(cause)) || this.#problem(cause ?? node, end?.state, undefined)
    }
    if (node.kind !== 'chain') return node.children.map((child) => this.#assemble(child, values))
    const last = node.children.at(-1)
    return last ? this.#assemble(last, values) : null
  }

  /** What stands for a member that did not succeed: problem details (RFC 9457), with the job's error code. */
  #problem(node: PlanNode, state: JobEnd | undefined, failure: StoredFailure | undefined): object {
    return {
      type: 'urn:drover:problem:member_not_succeeded',
      title: 'This member of the flow did not succeed',
      detail: failure?.message ?? 'what became of it is not stored any more',
      code: failure?.code ?? 'removed',
      state: state ?? null,
      job_id: node.kind === 'job' ? new MemberIds(this.#flow.id).ref(node.job.queue, node.n).id : null,
      path: node.path,
    }
  }
}
