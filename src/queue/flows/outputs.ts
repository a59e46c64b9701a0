import type { StoredFailure } from '../model/failure.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { FlowJobs } from './flow-jobs.ts'
import { flowBounds, type StoredFlow } from './model/document.ts'
import type { FlowEvaluation } from './model/evaluation.ts'
import { FlowJobIds } from './model/flow-job-id.ts'
import { type JobNode, type PlanNode } from './model/plan.ts'
import { follow, isIndex } from './model/template.ts'

/** The value that a pointer into an output leads to. */
export type Found = { status: 'found'; value: unknown } | { status: 'missing' } | { status: 'too_large' }

const maxJobsPerRead = 100

/**
 * The outputs of the nodes of a flow, built from those of its jobs: the output of a chain is that of its last step, the output of a
 * gather or map is the array of its children's outputs, with a problem object for a child that did not succeed. Reads only the jobs
 * that a pointer needs, and at most `flowBounds.inputBytes` of JSON for one value.
 */
export class FlowOutputs {
  readonly #flow: StoredFlow
  readonly #evaluation: FlowEvaluation
  readonly #jobs: FlowJobs
  readonly #cache = new Map<string, Promise<Found>>()

  /** For one step of a flow: outputs that were read are cached. */
  constructor(flow: StoredFlow, evaluation: FlowEvaluation, jobs: FlowJobs) {
    this.#flow = flow
    this.#evaluation = evaluation
    this.#jobs = jobs
  }

  /** The value that the tokens of a JSON Pointer lead to in the output of an ended node. */
  at(node: PlanNode, tokens: readonly string[]): Promise<Found> {
    const end = this.#evaluation.endOf(node)
    if (node.kind !== 'job' && end?.state === 'succeeded') {
      if (node.kind === 'chain') return this.#in(node.children.at(-1), tokens)
      const [index, ...rest] = tokens
      if (index !== undefined) return this.#in(isIndex(index) ? node.children[Number(index)] : undefined, rest)
    }
    const key = `${node.n}`
    const whole = this.#cache.get(key) ?? this.#read(node)
    this.#cache.set(key, whole)
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
    for (let i = 0; i < jobs.length; i += maxJobsPerRead) {
      const some = jobs.slice(i, i + maxJobsPerRead)
      const results = await this.#jobs.results(this.#flow, some)
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

  /** The jobs whose outputs or failures make up the output of a node. */
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

  /** Problem details (RFC 9457) in place of the output of a job that did not succeed, with its error code. */
  #problem(node: PlanNode, state: JobEnd | undefined, failure: StoredFailure | undefined): object {
    return {
      type: 'urn:drover:problem:member_not_succeeded',
      title: 'This member of the flow did not succeed',
      detail: failure?.message ?? 'the job was removed',
      code: failure?.code ?? 'removed',
      state: state ?? null,
      job_id: node.kind === 'job' ? new FlowJobIds(this.#flow.id).ref(node.job.queue, node.n).id : null,
      path: node.path,
    }
  }
}
