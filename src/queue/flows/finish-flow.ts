import type { Logger } from 'pino'
import type { JobEnd } from '../model/job-states.ts'
import { redisNow } from '../model/redis-time.ts'
import { QueueUnavailableError } from '../redis/connection.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import type { FlowJobs } from './flow-jobs.ts'
import { jobRemoved, undrivable } from './flow-record.ts'
import type { FlowStore } from './flow-store.ts'
import { settleFlowWebhook } from './flow-webhook.ts'
import type { LoadedFlow } from './loaded-flow.ts'
import type { FlowError, StoredFlow } from './model/document.ts'
import type { NodeEnd } from './model/evaluation.ts'
import { FlowJobIds } from './model/flow-job-id.ts'
import { FlowPlan, type PlanNode } from './model/plan.ts'

interface Deps {
  store: FlowStore
  jobs: FlowJobs
  outbox: WebhookOutbox
}

/** Writes the end of a flow whose root has ended, and does what follows from it. @throws QueueUnavailableError */
export async function finishFlow(deps: Deps, { flow }: LoadedFlow, end: NodeEnd): Promise<void> {
  const error = end.cause && (await errorOf(deps, flow, end.cause))
  const now = redisNow()
  const state = await deps.store.finish(flow, end.state, error, now)
  await closeFlow(deps, flow, { state, at: now })
}

/**
 * Does what follows from the end of a flow, and takes it off the list of open flows then: when this process dies before, the next look
 * at the list does it. @throws QueueUnavailableError
 */
export async function closeFlow(
  deps: { store: FlowStore; outbox: WebhookOutbox },
  flow: StoredFlow,
  end: { state: JobEnd | undefined; at: number },
): Promise<void> {
  if (flow.webhook) await settleFlowWebhook(deps, flow.id)
  await deps.store.index.add(flow, end.state)
  await deps.store.openList.close(flow.id, flow.run, end.at)
}

/**
 * Ends a flow that cannot be driven. Before that it cancels what it can of its jobs: a worker releases steps by itself.
 *
 * @throws QueueUnavailableError
 */
export async function failFlow(deps: Deps & { log: Logger }, id: string): Promise<void> {
  const flow = await deps.store.read(id)
  if (!flow) return
  const now = redisNow()
  if (!flow.finished) {
    try {
      const { expansions } = await deps.store.maps.read(id)
      await deps.jobs.cancel(flow, new FlowPlan(flow.tree, expansions).jobs(), now)
    } catch (error) {
      if (error instanceof QueueUnavailableError) throw error
      deps.log.error({ flow: id, err: error }, 'failed to cancel the jobs of a flow that cannot be driven')
    }
  }
  const state = await deps.store.finish(flow, 'failed', undrivable, now)
  await closeFlow(deps, flow, { state, at: flow.finished?.at ?? now })
}

/** The error of the node that decided how the flow ended. */
async function errorOf({ store, jobs }: Deps, flow: StoredFlow, cause: PlanNode): Promise<FlowError | undefined> {
  if (cause.kind !== 'job') return store.errorOf(flow.id, cause.n)
  const [result] = await jobs.results(flow, [cause])
  const { code, message } = result?.status === 'failed' ? result.failure : jobRemoved
  const { id } = new FlowJobIds(flow.id).ref(cause.job.queue, cause.n)
  return { code, message, job_id: id, path: cause.path }
}
