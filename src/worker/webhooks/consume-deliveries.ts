import type { WebhookSecret } from '../../environment/kinds.ts'
import { type ConsumerOptions, JobConsumer } from '../../queue/consume/job-consumer.ts'
import { deliveryQueue, deliveryType } from '../../queue/webhooks/delivery.ts'
import { type ExecuteJobDeps, executeJob } from '../execution/execute-job.ts'
import { limitPerOrigin, OriginLimiter } from './concurrency-per-origin.ts'
import { webhookJob } from './deliver-webhook.ts'

/** The share of a worker's concurrent deliveries that one origin may use. */
const originShare = 0.1

/** The consumer of webhook deliveries, which are jobs of a type that clients cannot submit. */
export function consumeDeliveries(
  shared: Omit<ConsumerOptions, 'queue' | 'concurrency' | 'execute'>,
  deps: Omit<ExecuteJobDeps, 'registry'>,
  options: { secrets: readonly WebhookSecret[]; concurrency: number },
): JobConsumer {
  const { secrets, concurrency } = options
  const job = webhookJob(secrets, Math.random)
  const registry = new Map([[deliveryType, { job, file: import.meta.filename }]])
  const limiter = new OriginLimiter(Math.ceil(concurrency * originShare), Math.random)
  const execute = limitPerOrigin(limiter, (leased) => executeJob({ ...deps, registry }, leased))
  return new JobConsumer({ ...shared, queue: deliveryQueue, concurrency, execute })
}
