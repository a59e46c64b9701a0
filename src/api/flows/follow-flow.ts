import type { ServerResponse } from 'node:http'
import type { JobEventHub } from '../../queue/events/event-hub.ts'
import type { Flows, LoadedFlow } from '../../queue/flows/flows.ts'
import type { PlanNode } from '../../queue/flows/model/plan.ts'
import { QueueUnavailableError } from '../../queue/redis/connection.ts'
import { dropWhenStalled } from '../http/drop-when-stalled.ts'
import { mostUnreadBytes } from '../jobs/job-event-stream.ts'

/** A message can be lost with its sender, so whoever follows a flow also looks by itself. */
const lookEveryMs = 3000
const pageSize = 100

/** What happened next: nodes ended, as many of the flow's order as `known` says by now; for a while nothing; the flow is over. */
export type FlowNews =
  | { kind: 'ended'; jobs: PlanNode[]; members: PlanNode[] }
  | { kind: 'nothing' }
  | { kind: 'over'; members: PlanNode[] }

/**
 * Goes through the ends of a flow in their order, from the first on, then waits for the next, until the flow is over, its
 * next run begins, or `response` closes. Holds no outputs, and reads no further while its caller is busy.
 *
 * `jobs` are those that ended (and maps that failed); `members` what of the flow as a whole they brought to its end.
 *
 * @throws QueueUnavailableError only before the first news
 */
export async function* followFlow(
  { flows, hub, closing }: { flows: Flows; hub: JobEventHub; closing: AbortSignal },
  open: LoadedFlow,
  response: ServerResponse,
): AsyncGenerator<FlowNews, void, undefined> {
  const { flow, evaluation, plan } = open
  let wake: (() => void) | undefined
  let hasNews = true
  const onNews = () => {
    hasNews = true
    wake?.()
  }
  const isLeft = () => closing.aborted || response.closed || response.destroyed
  const stopWatching = await hub.watchFlow(flow.id, onNews)
  response.on('close', onNews)
  closing.addEventListener('abort', onNews)
  const takeMembers = () =>
    evaluation.takeEnded().filter((node) => (plan.root.kind === 'job' ? node === plan.root : node.parent === plan.root))
  try {
    while (!isLeft()) {
      hasNews = false
      const read = await readEnds(flows, open)
      if (read?.isOtherRun) return
      if (read && read.jobs.length > 0) {
        yield { kind: 'ended', jobs: read.jobs, members: takeMembers() }
        continue
      }
      if (read?.isFinished) {
        // What never became anything ends with the flow.
        evaluation.stop()
        yield { kind: 'over', members: takeMembers() }
        return
      }
      yield { kind: 'nothing' }
      if (!hasNews && !isLeft()) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, lookEveryMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    }
  } finally {
    response.off('close', onNews)
    closing.removeEventListener('abort', onNews)
    stopWatching()
  }
}

/** The next ends; undefined while Redis is away. */
async function readEnds(
  flows: Flows,
  open: LoadedFlow,
): Promise<{ isOtherRun: boolean; isFinished: boolean; jobs: PlanNode[] } | undefined> {
  try {
    const { run, isFinished, ends } = await flows.store.ends(open.flow.id, open.known, pageSize)
    if (run !== open.flow.run) return { isOtherRun: true, isFinished, jobs: [] }
    if (ends.some(({ node }) => !open.plan.node(node))) await open.learnExpansions(flows.store)
    if (!open.learn(ends)) throw new Error(`the flow ${open.flow.id} names a node that it has not`)
    return { isOtherRun: false, isFinished, jobs: ends.flatMap(({ node }) => open.plan.node(node) ?? []) }
  } catch (error) {
    if (error instanceof QueueUnavailableError) return undefined
    throw error
  }
}

/** Writes, and waits while the client is behind; one that takes nothing for a while is dropped. */
export async function writeWhenRead(response: ServerResponse, text: string): Promise<void> {
  if (response.closed || response.destroyed) return
  response.write(text)
  if (response.writableLength <= mostUnreadBytes) return
  await new Promise<void>((resolve) => {
    const stopWatching = dropWhenStalled(response)
    const go = () => {
      stopWatching()
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}

/** Ends a response whose client may read no more. */
export function endWhenRead(response: ServerResponse): void {
  if (response.closed || response.destroyed) return
  const stopWatching = dropWhenStalled(response)
  response.once('close', stopWatching)
  response.once('finish', stopWatching)
  response.end()
}
