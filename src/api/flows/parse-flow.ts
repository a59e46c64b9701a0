import { escapePointer } from '../../jobs/json-pointer.ts'
import { type FlowSubmission, planFlow } from '../../queue/flows/flows.ts'
import { type FlowNode, flowBounds, type OnFailure } from '../../queue/flows/model/document.ts'
import { fillReferences, findReferences } from '../../queue/flows/model/template.ts'
import type { Caller } from '../access/api-keys.ts'
import { Mistakes } from '../http/mistakes.ts'
import { parseBounded } from '../http/parse-bounded.ts'
import { checkJob, toRecord } from '../submission/job-options.ts'
import type { SubmissionContext } from '../submission/parse-job.ts'
import { refuseInFlow } from '../submission/scheduling-options.ts'
import { refuseUnsignable, standingWebhook, storedWebhook } from '../submission/webhook-field.ts'
import { flowEnvelope, mapOptions, onFailureField } from './submitted-flow-schema.ts'

const defaultMapLimit = 1000
const defaultOnFailure: OnFailure = 'fail_fast'
/** Where in the tree a node stands. */
interface Place {
  pointer: string
  depth: number
  /** Something comes before it, whose output `$output` is. */
  hasSource: boolean
  /** It is the node of a map, or below it. */
  isMapped: boolean
}

/**
 * Checks a flow as a whole and returns what to store, except for its id.
 *
 * @throws Problem naming mistakes by pointers into the body; `unknown_job_type` for the first unknown type
 */
export function parseFlow(body: unknown, context: SubmissionContext): Omit<FlowSubmission, 'id'> {
  const mistakes = new Mistakes()
  const parsed = parseBounded(flowEnvelope, body, mistakes)
  refuseUnsignable(parsed?.data.webhook, context.canSign, mistakes)
  const root: unknown = Object(body).flow
  const reader = new FlowReader(context, mistakes)
  const tree = reader.read(root, { pointer: '/flow', depth: 1, hasSource: false, isMapped: false })
  if (!parsed || !tree || mistakes.count > 0) throw mistakes.toProblem()
  const { tags = [], metadata = {}, deadline_ms: deadlineMs } = parsed.data
  const given = parsed.data.webhook
  const webhook = given ? storedWebhook(given, context) : standingWebhook(undefined, context)
  const { caller, now: createdAt, requestId } = context
  const tenant = caller.tenant
  return { plan: planFlow(tree), tenant, tags, metadata, webhook, createdAt, deadlineMs, requestId }
}

class FlowReader {
  readonly #context: { registry: SubmissionContext['registry']; caller: Caller }
  readonly #hops: number | undefined
  readonly #indexed: readonly string[]
  readonly #traceparent: string | undefined
  readonly #mistakes: Mistakes
  #nodes = 0

  constructor(context: SubmissionContext, mistakes: Mistakes) {
    this.#context = context
    this.#hops = context.hops
    this.#indexed = context.indexed
    this.#traceparent = context.traceparent
    this.#mistakes = mistakes
  }

  /** Undefined where there is a mistake. */
  read(value: unknown, place: Place): FlowNode | undefined {
    const { pointer, depth } = place
    this.#nodes += 1
    if (this.#nodes > flowBounds.nodes) {
      this.#refuse(pointer, `a flow has at most ${flowBounds.nodes} nodes`)
      throw this.#mistakes.toProblem()
    }
    if (depth > flowBounds.depth) return this.#refuse(pointer, `a flow is at most ${flowBounds.depth} levels deep`)
    if (this.#mistakes.isFull) throw this.#mistakes.toProblem()
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.#refuse(pointer, 'must be a job, a chain, a gather or a map')
    }
    const kinds = ['type', 'chain', 'gather', 'map'].filter((key) => Object.hasOwn(value, key))
    if (kinds.length !== 1) return this.#refuse(pointer, 'must have exactly one of type, chain, gather, map')
    if (kinds[0] === 'chain') return this.#readChain(value, place)
    if (kinds[0] === 'gather') return this.#readGather(value, place)
    return kinds[0] === 'map' ? this.#readMap(value, place) : this.#readJob(value, place)
  }

  #readJob(value: object, { pointer, hasSource, isMapped }: Place): FlowNode | undefined {
    const template: unknown = Reflect.get(value, 'input')
    const { references, hasLiterals } = this.#checkReferences(template, `${pointer}/input`, hasSource, isMapped)
    const isComplete = references.length === 0
    const input = isComplete && hasLiterals ? fillReferences(template, () => undefined) : template
    // The end of such a job is a step of the flow, and can recur with a retry.
    const { webhook, result_ttl_ms: ttl, unique, debounce, ...rest }: Record<string, unknown> = { ...value }
    const plain = input === undefined ? rest : { ...rest, input }
    if (ttl !== undefined)
      this.#refuse(
        `${pointer}/result_ttl_ms`,
        'a job of a flow has no retention of its own: it is kept as long as its flow',
      )
    for (const [name, given] of Object.entries({ unique, debounce }))
      if (given !== undefined)
        this.#refuse(`${pointer}/${name}`, 'a job of a flow cannot have it: each step has a job of its own')
    if (webhook !== undefined)
      this.#refuse(`${pointer}/webhook`, 'a job of a flow has no webhook of its own: set the webhook of the flow')
    const mistakes = this.#mistakes
    const before = mistakes.count
    const { options, job } = checkJob(plain, this.#context, { base: pointer, isComplete, mistakes })
    if (options) refuseInFlow(options, mistakes, pointer)
    if (!options || !job || mistakes.count > before) return undefined
    const { caller } = this.#context
    const record = toRecord(options, job, {
      caller,
      hops: this.#hops,
      traceparent: this.#traceparent,
      indexed: this.#indexed,
    })
    return {
      job: {
        type: job.type,
        queue: job.queue,
        attempts: options.attempts ?? job.attempts,
        ...(options.delay_ms !== undefined && { delayMs: options.delay_ms }),
        ...(options.run_at !== undefined && { runAt: Date.parse(options.run_at) }),
        ...(!isComplete && { dynamic: references.every(({ kind }) => kind === 'output') ? 'output' : (true as const) }),
        record,
      },
    }
  }

  #readChain(value: object, place: Place): FlowNode | undefined {
    this.#refuseUnknown(value, ['chain'], place.pointer)
    const chain = this.#readAll(Reflect.get(value, 'chain'), 'chain', place)
    return chain && { chain }
  }

  #readGather(value: object, place: Place): FlowNode | undefined {
    this.#refuseUnknown(value, ['gather', 'on_failure'], place.pointer)
    const at = `${place.pointer}/on_failure`
    const failure = parseBounded(onFailureField, Reflect.get(value, 'on_failure'), this.#mistakes, at)
    const gather = this.#readAll(Reflect.get(value, 'gather'), 'gather', place)
    return gather && { gather, onFailure: failure?.data ?? defaultOnFailure }
  }

  #readMap(value: object, place: Place): FlowNode | undefined {
    const { pointer, depth } = place
    this.#refuseUnknown(value, ['map'], pointer)
    const parsed = parseBounded(mapOptions, Reflect.get(value, 'map'), this.#mistakes, `${pointer}/map`)
    const { over, node } = Object(Reflect.get(value, 'map')) as { over?: unknown; node?: unknown }
    const at = `${pointer}/map/over`
    const { references } = this.#checkReferences(over, at, place.hasSource, place.isMapped)
    if (Array.isArray(over) && over.length > flowBounds.mapped)
      this.#refuse(at, `has more than ${flowBounds.mapped} elements`)
    if (!Array.isArray(over) && !references.some((reference) => reference.at === at)) {
      this.#refuse(at, 'must stand for an array: { "$output": pointer }')
    }
    const inner = this.read(node, { ...place, pointer: `${pointer}/map/node`, depth: depth + 1, isMapped: true })
    if (!inner || !parsed) return undefined
    const { limit = defaultMapLimit, on_failure = defaultOnFailure } = parsed.data
    return { map: { over, node: inner, limit, onFailure: on_failure } }
  }

  #readAll(value: unknown, kind: 'chain' | 'gather', place: Place): FlowNode[] | undefined {
    const base = `${place.pointer}/${kind}`
    if (!Array.isArray(value) || value.length === 0) return this.#refuse(base, 'must be an array of one node or more')
    const nodes: FlowNode[] = []
    for (const [index, child] of value.entries()) {
      const hasSource = place.hasSource || (kind === 'chain' && index > 0)
      const node = this.read(child, { ...place, pointer: `${base}/${index}`, depth: place.depth + 1, hasSource })
      if (node) nodes.push(node)
    }
    return nodes.length === value.length ? nodes : undefined
  }

  #checkReferences(value: unknown, base: string, hasSource: boolean, isMapped: boolean) {
    const found = findReferences(value, base)
    for (const { pointer, detail } of found.mistakes) this.#refuse(pointer, detail)
    for (const { kind, at } of found.references) {
      if (kind === 'output' && !hasSource) this.#refuse(at, '$output: no step comes before this one')
      if (kind === 'item' && !isMapped) this.#refuse(at, '$item: this is not within the node of a map')
    }
    return found
  }

  #refuseUnknown(value: object, known: string[], pointer: string): void {
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) this.#refuse(`${pointer}/${escapePointer(key)}`, 'is not allowed here')
    }
  }

  #refuse(pointer: string, detail: string): undefined {
    this.#mistakes.add(pointer, detail)
    return undefined
  }
}
