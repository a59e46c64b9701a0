import { type Ref, refTo, type Scope, withReferences } from './references.ts'
import type { FailedMember, FlowJobOptions } from './resources.ts'

/** A node of a flow, whose output has the type `O`: a job, or nodes in a chain, a gather or a map. */
export class FlowNode<O = unknown> {
  /** For the type checker alone. */
  declare readonly output: O
  /** As `POST /v1/flows` takes it. */
  readonly json: object
  /** What its references need from around it. */
  readonly open: ReadonlySet<Scope>

  constructor(json: object, open: ReadonlySet<Scope>) {
    this.json = json
    this.open = open
  }
}

/** What happens to the other members when one does not succeed: they are canceled (the default), or go on. */
export interface GroupOptions<OnFailure extends 'fail_fast' | 'continue' = 'fail_fast' | 'continue'> {
  on_failure?: OnFailure
}

/** The output of a member of a group. */
type Member<O, OnFailure> = 'continue' extends OnFailure ? O | FailedMember : O

/** A step of a chain: a node, or a function that makes one of a reference to the output of the step before. */
export type Step<Before, O> = FlowNode<O> | ((before: Ref<Before>) => FlowNode<O>)

/** A job as a node. Its input may have references in any place. */
export function jobNode<O>(type: string, input: unknown, options: FlowJobOptions = {}): FlowNode<O> {
  const open = new Set<Scope>()
  return new FlowNode({ ...options, type, input: withReferences(input, open) }, open)
}

/** Runs steps one after the other. Its output is that of the last. @throws TypeError where a reference leads out of reach */
export function chain<A>(a: FlowNode<A>): FlowNode<A>
export function chain<A, B>(a: FlowNode<A>, b: Step<A, B>): FlowNode<B>
export function chain<A, B, C>(a: FlowNode<A>, b: Step<A, B>, c: Step<B, C>): FlowNode<C>
export function chain<A, B, C, D>(a: FlowNode<A>, b: Step<A, B>, c: Step<B, C>, d: Step<C, D>): FlowNode<D>
export function chain<A, B, C, D, E>(
  a: FlowNode<A>,
  b: Step<A, B>,
  c: Step<B, C>,
  d: Step<C, D>,
  e: Step<D, E>,
): FlowNode<E>
export function chain<A, B, C, D, E, F>(
  a: FlowNode<A>,
  b: Step<A, B>,
  c: Step<B, C>,
  d: Step<C, D>,
  e: Step<D, E>,
  f: Step<E, F>,
): FlowNode<F>
export function chain(first: FlowNode, ...steps: Step<unknown, unknown>[]): FlowNode
export function chain(first: FlowNode, ...steps: Step<never, unknown>[]): FlowNode {
  const open = new Set(first.open)
  const nodes = [first]
  for (const step of steps) {
    const scope: Scope = { kind: '$output' }
    const node = nodeOf(step, scope)
    take(node, scope, open)
    nodes.push(node)
  }
  return new FlowNode({ chain: nodes.map(({ json }) => json) }, open)
}

/** Runs nodes side by side. Its output is the array of theirs. */
export function gather<const T extends readonly FlowNode[], F extends 'fail_fast' | 'continue' = 'fail_fast'>(
  nodes: T,
  options: GroupOptions<F> = {},
): FlowNode<{ -readonly [K in keyof T]: T[K] extends FlowNode<infer O> ? Member<O, F> : never }> {
  const open = new Set(nodes.flatMap((node) => [...node.open]))
  return new FlowNode({ gather: nodes.map(({ json }) => json), ...options }, open)
}

/**
 * Runs a node for each element of an array, side by side: its own, or a reference to one. Its output is the array of theirs.
 *
 * @param node makes the node of a reference to the element
 * @throws TypeError where a reference leads out of reach
 */
export function map<E, O, F extends 'fail_fast' | 'continue' = 'fail_fast'>(
  over: readonly E[] | Ref<readonly E[]>,
  node: (item: Ref<E>) => FlowNode<O>,
  options: GroupOptions<F> & { limit?: number } = {},
): FlowNode<Member<O, F>[]> {
  const open = new Set<Scope>()
  const scope: Scope = { kind: '$item' }
  const made = nodeOf(node, scope)
  take(made, scope, open)
  return new FlowNode({ map: { over: withReferences(over, open), node: made.json, ...options } }, open)
}

function nodeOf(step: Step<never, unknown>, scope: Scope): FlowNode {
  return typeof step === 'function' ? step(refTo<never>(scope)) : step
}

/** Adds what a node needs besides `scope`. The server takes the nearest of a kind: what another one means would be another value. */
function take(node: FlowNode, scope: Scope, open: Set<Scope>): void {
  for (const one of node.open) {
    if (one !== scope && one.kind === scope.kind) {
      const [what, where] = one.kind === '$output' ? ['step before', 'a chain'] : ['element', 'a map']
      throw new TypeError(
        `A reference is out of reach: within ${where} that is part of another one, only the ${what} of the inner one can be used.`,
      )
    }
    if (one !== scope) open.add(one)
  }
}
