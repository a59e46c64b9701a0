import { FlowFailedError } from './errors.ts'
import { followEvents, type WatchOptions } from './event-stream.ts'
import { type FlowNode, jobNode } from './flow-nodes.ts'
import type { InputOf, JobTypes, OutputOf, TypeOf } from './job-types.ts'
import type { Refs } from './references.ts'
import type { FailedMember, Flow, FlowEvent, FlowJobOptions, FlowMember, FlowOptions } from './resources.ts'
import { type CallOptions, newKey, type Transport } from './transport.ts'
import { waitUntilDone } from './wait.ts'

export interface SubmitFlowOptions extends FlowOptions, CallOptions {
  /** Under one key a flow is stored once, however often it is submitted. Default: a new key for each call. */
  idempotencyKey?: string
}

const idOf = (flow: string | { id: string }): string => (typeof flow === 'string' ? flow : flow.id)
const pathOf = (flow: string | { id: string }): string => `/v1/flows/${encodeURIComponent(idOf(flow))}`

/** The flows of a server: jobs that depend on each other. `chain`, `gather` and `map` make their nodes. */
export class Flows<Types extends JobTypes<Types>> {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** A job as a node of a flow. Its input may have references to earlier outputs in any place. */
  readonly job = <T extends TypeOf<Types>>(
    type: T,
    input: Refs<InputOf<Types, T>>,
    options?: FlowJobOptions,
  ): FlowNode<OutputOf<Types, T>> => jobNode(type, input, options)

  /**
   * Runs a flow to its end. A lost answer, or a server that restarts meanwhile, never runs it twice. Aborting the signal ends the waiting
   * alone: the flow goes on.
   *
   * @returns the output of its outermost node
   * @throws FlowFailedError unless it succeeds, ProblemError, ConnectionError, the reason of the signal
   */
  async run<O>(node: FlowNode<O>, options: SubmitFlowOptions = {}): Promise<O> {
    const flow = await this.wait(await this.#submit(node, options, true), options)
    if (flow.state !== 'succeeded') throw new FlowFailedError(flow)
    const isGroup = 'gather' in node.json || 'map' in node.json
    const outputs: unknown[] = []
    for await (const member of this.results(flow, options)) {
      // Of a chain the output is that of its last step.
      if (!isGroup) outputs.length = 0
      outputs.push(outputOf(member, flow))
    }
    return (isGroup ? outputs : outputs[0]) as O
  }

  /** Stores a flow, once however often the request is repeated. @throws ProblemError, ConnectionError, the reason of the signal */
  submit(node: FlowNode, options: SubmitFlowOptions = {}): Promise<Flow> {
    return this.#submit(node, options, false)
  }

  /** Reads a flow as it is, with its tree. */
  async get(flow: string | { id: string }, options: CallOptions = {}): Promise<Flow> {
    return (await this.#transport.call('GET', pathOf(flow), options)) as Flow
  }

  /** Waits for the end of a flow, however long it takes. @returns the finished flow, whatever its state, without its tree */
  wait(flow: string | Flow, options: CallOptions = {}): Promise<Flow> {
    const known = typeof flow === 'string' ? undefined : flow
    return waitUntilDone(this.#transport, `${pathOf(flow)}?tree=none`, known, options)
  }

  /** Cancels a flow with all its jobs. @throws ConflictError where it is done, and not canceled */
  async cancel(flow: string | { id: string }, options: CallOptions = {}): Promise<Flow> {
    return (await this.#transport.call('POST', `${pathOf(flow)}/cancel`, { ...options, isRepeatable: true })) as Flow
  }

  /** Follows a flow to its end, over connections that break: no event is missed and none comes twice. */
  async *watch(flow: string | { id: string }, options: WatchOptions = {}): AsyncGenerator<FlowEvent, void, undefined> {
    for await (const event of followEvents(this.#transport, `${pathOf(flow)}/events?tree=none`, options)) {
      yield event as FlowEvent
    }
  }

  /** The members of the outermost gather or map, or the steps of the outermost chain, with their outputs, in their order. */
  async *results(
    flow: string | { id: string },
    options: CallOptions = {},
  ): AsyncGenerator<FlowMember, void, undefined> {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = `?limit=200${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
      const page = (await this.#transport.call('GET', `${pathOf(flow)}/results${query}`, options)) as {
        items: FlowMember[]
        next_cursor: string | null
      }
      yield* page.items
      cursor = page.next_cursor
    }
  }

  async #submit(
    { json, open }: FlowNode,
    { idempotencyKey = newKey(), signal, ...options }: SubmitFlowOptions,
    isWait: boolean,
  ): Promise<Flow> {
    if (open.size > 0) throw new TypeError('A reference is used outside of the chain or map that it was made for.')
    return (await this.#transport.call('POST', '/v1/flows', {
      body: { ...options, flow: json },
      headers: { 'idempotency-key': idempotencyKey },
      isRepeatable: true,
      isWait,
      signal,
    })) as Flow
  }
}

/** What the next step would get of a member. @throws FlowFailedError where its output is not there any more, or too large */
function outputOf({ id, path, state, output, error }: FlowMember, flow: Flow): unknown {
  if (!error) return output
  if (state === 'succeeded') throw new FlowFailedError({ ...flow, error: { ...error, job_id: id, path } })
  return {
    type: 'urn:drover:problem:member_not_succeeded',
    title: 'This member of the flow did not succeed',
    detail: error.message,
    code: error.code,
    state,
    job_id: id,
    path,
  } satisfies FailedMember
}
