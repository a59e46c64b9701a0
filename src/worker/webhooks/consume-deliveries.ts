import type { WebhookSecret } from '../../environment/kinds.ts'
import { type ConsumerOptions, JobConsumer } from '../../queue/consume/job-consumer.ts'
import { deliveryQueue, deliveryType } from '../../queue/webhooks/delivery.ts'
import { type ExecuteJobDeps, executeJob } from '../execution/execute-job.ts'
import { OriginGate, throughGate } from './concurrency-per-origin.ts'
import { webhookJob } from './deliver-webhook.ts'

/** The share of a worker's deliveries that may go to one origin at once. */
const originShare = 0.1

/** A consumer of the deliveries of webhooks: jobs like others, of a type that no client can submit. */
export function consumeDeliveries(
  shared: Omit<ConsumerOptions, 'queue' | 'concurrency' | 'execute'>,
  deps: Omit<ExecuteJobDeps, 'registry'>,
  options: { secrets: readonly WebhookSecret[]; atOnce: number },
): JobConsumer {
  const { secrets, atOnce } = options
  const job = webhookJob(secrets, Math.random)
  const registry = new Map([[deliveryType, { job, file: import.meta.filename }]])
  const gate = new OriginGate(Math.ceil(atOnce * originShare))
  const execute = throughGate(gate, (claimed) => executeJob({ ...deps, registry }, claimed))
  return new JobConsumer({ ...shared, queue: deliveryQueue, concurrency: atOnce, execute })
}
