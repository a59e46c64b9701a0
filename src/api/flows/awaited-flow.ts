import type { FlowProgress } from '../../queue/flows/flows.ts'
import type { RouteDeps } from '../deps.ts'
import type { Timing } from '../http/server-timing.ts'
import type { Awaited } from '../http/wait-until-done.ts'

/** A flow as it is waited for. */
export interface FlowStatus {
  done: boolean
  progress: FlowProgress
}

export function statusOf(progress: FlowProgress): FlowStatus {
  return { done: progress.flow.finished !== undefined, progress }
}

/** The times of a flow. */
export function flowTiming({ progress: { flow } }: FlowStatus): Timing {
  return { since: flow.createdAt, endedAt: flow.finished?.at }
}

/** Reads a flow, as {@link awaitedFlow} does. */
export async function readStatus({ flows }: Pick<RouteDeps, 'flows'>, id: string): Promise<FlowStatus | undefined> {
  const progress = await flows.read(id)
  return progress && statusOf(progress)
}

/** A flow to wait for. */
export function awaitedFlow(deps: Pick<RouteDeps, 'flows' | 'hub'>, id: string): Awaited<FlowStatus> {
  return {
    watch: (onEnd) => deps.hub.watchFlow(id, (message) => message.changed && message.mayBeDone && onEnd(undefined)),
    read: () => readStatus(deps, id),
  }
}
