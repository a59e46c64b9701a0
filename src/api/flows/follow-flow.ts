import type { JobEventHub } from '../../queue/events/event-hub.ts'
import type { Flows, LoadedFlow } from '../../queue/flows/flows.ts'
import type { PlanNode } from '../../queue/flows/model/plan.ts'
import { Bell } from '../http/bell.ts'
import { readWhenAvailable } from '../http/read-when-available.ts'
import type { StreamResponse } from '../http/stream-response.ts'

/** A message can be lost with its sender: polling is the fallback. */
const pollEveryMs = 3000
const pageSize = 100

/**
 * What happened next: nodes ended, or the flow is over. `jobs` are the jobs that ended (and maps that failed); `members` what of the
 * flow's outermost level ended by it.
 */
export type FlowNews = { kind: 'ended'; jobs: PlanNode[]; members: PlanNode[] } | { kind: 'over'; members: PlanNode[] }

/** Follows a flow for one client that watches it. */
export class FlowFollower {
  readonly #flows: Flows
  readonly #closing: AbortSignal
  readonly #stopWatching: () => void
  readonly #bell: Bell
  /** What is read of the flow from then on is of one history. */
  readonly #incarnation: number

  private constructor(flows: Flows, closing: AbortSignal, bell: Bell, stopWatching: () => void) {
    this.#flows = flows
    this.#closing = closing
    this.#bell = bell
    this.#incarnation = flows.incarnation
    this.#stopWatching = stopWatching
    closing.addEventListener('abort', bell.ring)
  }

  /** Listens to a flow until {@link stop}. No end from then on is missed. @throws QueueUnavailableError */
  static async listen(
    { flows, hub, closing }: { flows: Flows; hub: JobEventHub; closing: AbortSignal },
    id: string,
  ): Promise<FlowFollower> {
    const bell = new Bell()
    return new FlowFollower(flows, closing, bell, await hub.watchFlow(id, bell.ring))
  }

  stop(): void {
    this.#closing.removeEventListener('abort', this.#bell.ring)
    this.#stopWatching()
  }

  /**
   * Yields the ends of a flow in their order, from the first on, until the flow is over, its next run begins, Redis may have lost ends
   * that were read, or `response` or the server closes. Holds no outputs, and reads no further while its caller is busy. Waits while Redis is away: a client that
   * reconnected then would be refused, which browsers take for the end.
   */
  async *news(open: LoadedFlow, response: StreamResponse): AsyncGenerator<FlowNews, void, undefined> {
    const { evaluation, plan } = open
    response.onClose(this.#bell.ring)
    const takeMembers = () =>
      evaluation
        .takeEnded()
        .filter((node) => (plan.root.kind === 'job' ? node === plan.root : node.parent === plan.root))
    while (!this.#isLeft(response)) {
      this.#bell.silence()
      const next = await this.whenAvailable(response, () => readEnds(this.#flows, open))
      if (!next || next.isOtherRun || this.#flows.incarnation !== this.#incarnation) return
      if (next.jobs.length > 0) {
        yield { kind: 'ended', jobs: next.jobs, members: takeMembers() }
      } else if (next.isFinished) {
        // What never started or expanded ends with the flow.
        evaluation.stop()
        yield { kind: 'over', members: takeMembers() }
        return
      } else if (!this.#isLeft(response)) await this.#bell.rung(pollEveryMs)
    }
  }

  /** Repeats `read` while Redis is away. Undefined when the response or the server closed meanwhile. */
  whenAvailable<T>(response: StreamResponse, read: () => Promise<T>): Promise<T | undefined> {
    return readWhenAvailable(read, () => this.#isLeft(response))
  }

  #isLeft(response: StreamResponse): boolean {
    return this.#closing.aborted || response.isClosed
  }
}

/** The next ends. */
async function readEnds(
  flows: Flows,
  open: LoadedFlow,
): Promise<{ isOtherRun: boolean; isFinished: boolean; jobs: PlanNode[] }> {
  const { run, isFinished, jobs, ends } = await flows.store.ends(open.flow.id, open.known, pageSize)
  if (run !== open.flow.run) return { isOtherRun: true, isFinished, jobs: [] }
  // A map was expanded, or more of its items were admitted. What decides its end must be known before the ends of its members.
  if (jobs !== open.flow.jobs || ends.some(({ node }) => !open.plan.node(node))) {
    await open.learnExpansions(flows.store)
    open.flow.jobs = jobs
  }
  if (!open.learn(ends)) throw new Error(`the flow ${open.flow.id} names a node that it does not have`)
  return { isOtherRun: false, isFinished, jobs: ends.flatMap(({ node }) => open.plan.node(node) ?? []) }
}
