import { z } from 'zod'
import type { Registry } from '../../jobs/registry.ts'
import type { FlowSubmission } from '../../queue/flows/flows.ts'
import { type FlowNode, flowBounds, type OnFailure } from '../../queue/flows/model/document.ts'
import { findReferences } from '../../queue/flows/model/template.ts'
import type { Caller } from '../access/api-keys.ts'
import { type Mistake, mistakesOf } from '../http/problem.ts'
import {
  checkJob,
  durationMs,
  flowOptions,
  invalid,
  jobOptions,
  toRecord,
  traceparentSchema,
} from '../jobs/parse-submission.ts'
import { storedWebhook, unsignable, webhookField } from '../jobs/webhook-field.ts'
import type { SchemaRegistry } from '../openapi/schema-registry.ts'

/** A malformed flow of ten thousand jobs need not be answered with ten thousand mistakes. */
const mostMistakes = 50
const mapLimit = 1000

const onFailure = z
  .enum(['fail_fast', 'continue'])
  .optional()
  .describe('What happens to the others when one does not succeed. Default `fail_fast`: they are cancelled')
const mapOptions = z.strictObject({
  over: z.unknown(),
  node: z.unknown(),
  limit: z.int().min(1).max(flowBounds.mapped).optional(),
  on_failure: onFailure,
})
const envelope = z.strictObject({
  flow: z.unknown(),
  deadline_ms: durationMs.optional().describe('Bound of the whole flow, from its creation or its retry'),
  ...flowOptions,
  webhook: webhookField.optional(),
})

/** The body of `POST /v1/flows`, for the documentation; {@link parseFlow} checks it. */
export function flowSchema(schemas: SchemaRegistry): z.ZodType {
  const job = z.strictObject({ type: z.string(), input: z.unknown(), ...jobOptions })
  const node: z.ZodType = z.lazy(() => z.union([job, chain, gather, map]))
  const chain = z.strictObject({ chain: z.array(node).min(1) }).describe('One after the other')
  const gather = z.strictObject({ gather: z.array(node).min(1), on_failure: onFailure }).describe('Side by side')
  const map = z
    .strictObject({ map: mapOptions.extend({ node, over: z.unknown().describe('`{ "$output": pointer }`') }) })
    .describe('The node once for each element of an array, side by side; `{ "$item": pointer }` is part of the element')
  schemas.add(node, { id: 'FlowNode', description: 'A job, or nodes one after the other or side by side' })
  return envelope.extend({ flow: node })
}

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
 * Checks a flow whole and says what to store, but for its id.
 *
 * @throws Problem naming mistakes by pointers into the body; `unknown_job_type` for the first type that there is not
 */
export function parseFlow(
  body: unknown,
  deps: {
    registry: Registry
    now: number
    caller: Caller
    traceparent: unknown
    /** Whether there is a secret to sign webhooks with. */
    canSign: boolean
  },
): Omit<FlowSubmission, 'id'> {
  const parsed = envelope.safeParse(body)
  const mistakes = parsed.success ? [] : mistakesOf(parsed.error)
  mistakes.push(...unsignable(parsed.data?.webhook, deps.canSign))
  const root: unknown = Object(body).flow
  const reader = new FlowReader(deps, mistakes)
  const tree = reader.read(root, { pointer: '/flow', depth: 1, hasSource: false, isMapped: false })
  if (!parsed.success || !tree || mistakes.length > 0) throw invalid(mistakes)
  const { tags = [], metadata = {}, deadline_ms: deadlineMs } = parsed.data
  const webhook = parsed.data.webhook && storedWebhook(parsed.data.webhook)
  return { tree, tenant: deps.caller.tenant, tags, metadata, webhook, createdAt: deps.now, deadlineMs }
}

class FlowReader {
  readonly #registry: Registry
  readonly #caller: Caller
  readonly #traceparent: string | undefined
  readonly #mistakes: Mistake[]
  #nodes = 0

  constructor(deps: { registry: Registry; caller: Caller; traceparent: unknown }, mistakes: Mistake[]) {
    this.#registry = deps.registry
    this.#caller = deps.caller
    this.#traceparent = traceparentSchema.safeParse(deps.traceparent).data
    this.#mistakes = mistakes
  }

  /** Undefined where there is a mistake. */
  read(value: unknown, place: Place): FlowNode | undefined {
    const { pointer, depth } = place
    this.#nodes += 1
    if (this.#nodes > flowBounds.nodes)
      throw invalid([{ pointer, detail: `a flow has at most ${flowBounds.nodes} nodes` }])
    if (depth > flowBounds.depth) return this.#refuse(pointer, `a flow is at most ${flowBounds.depth} levels deep`)
    if (this.#mistakes.length >= mostMistakes) throw invalid(this.#mistakes)
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
    const { references } = this.#checkReferences(Reflect.get(value, 'input'), `${pointer}/input`, hasSource, isMapped)
    const isComplete = references.length === 0
    // Its end is a step of the flow's, and may come again with a retry.
    const { webhook, ...plain }: { webhook?: unknown } = value
    if (webhook !== undefined)
      this.#refuse(`${pointer}/webhook`, 'a job of a flow has none of its own: name one beside `flow`')
    const { said, job, mistakes } = checkJob(plain, this.#registry, { base: pointer, isComplete })
    this.#mistakes.push(...mistakes)
    if (said?.webhook) return this.#refuse(`${pointer}/webhook`, 'a job of a flow has no webhook of its own')
    if (!said || !job || mistakes.length > 0) return undefined
    const { limited, ...record } = toRecord(said, this.#caller)
    return {
      job: {
        type: job.type,
        queue: job.queue,
        attempts: said.attempts ?? job.attempts,
        ...(said.delay_ms !== undefined && { delayMs: said.delay_ms }),
        ...(said.run_at !== undefined && { runAt: Date.parse(said.run_at) }),
        ...(!isComplete && { dynamic: true as const }),
        record: {
          ...record,
          // Nobody has counted what a map will become.
          ...(limited && !isMapped && { limited }),
          ...(this.#traceparent !== undefined && { traceparent: this.#traceparent }),
        },
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
    const failure = onFailure.safeParse(Reflect.get(value, 'on_failure'))
    if (failure.error) this.#mistakes.push(...mistakesOf(failure.error, `${place.pointer}/on_failure`))
    const gather = this.#readAll(Reflect.get(value, 'gather'), 'gather', place)
    return gather && { gather, onFailure: failure.data ?? usualOnFailure }
  }

  #readMap(value: object, place: Place): FlowNode | undefined {
    const { pointer, depth } = place
    this.#refuseUnknown(value, ['map'], pointer)
    const parsed = mapOptions.safeParse(Reflect.get(value, 'map'))
    if (parsed.error) this.#mistakes.push(...mistakesOf(parsed.error, `${pointer}/map`))
    const { over, node } = Object(Reflect.get(value, 'map')) as { over?: unknown; node?: unknown }
    const at = `${pointer}/map/over`
    const { references } = this.#checkReferences(over, at, place.hasSource, place.isMapped)
    if (!Array.isArray(over) && !references.some((reference) => reference.at === at)) {
      this.#refuse(at, 'must stand for an array: { "$output": pointer }')
    }
    const inner = this.read(node, { ...place, pointer: `${pointer}/map/node`, depth: depth + 1, isMapped: true })
    if (!inner || !parsed.data) return undefined
    const { limit = mapLimit, on_failure = usualOnFailure } = parsed.data
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
    const unknown = Object.keys(value).filter((key) => !known.includes(key))
    for (const key of unknown.slice(0, mostMistakes)) this.#refuse(`${pointer}/${key}`, 'is not known here')
  }

  #refuse(pointer: string, detail: string): undefined {
    this.#mistakes.push({ pointer, detail })
    return undefined
  }
}

const usualOnFailure: OnFailure = 'fail_fast'
