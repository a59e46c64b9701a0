import { pino } from 'pino'
import { loadRegistry } from '../../../../src/jobs/registry.ts'
import { Admission } from '../../../../src/queue/admission/admission.ts'
import { QueueBackpressure } from '../../../../src/queue/admission/queue-backpressure.ts'
import { RedisMemory } from '../../../../src/queue/admission/redis-memory.ts'
import { TenantLimits } from '../../../../src/queue/admission/tenant-limits.ts'
import { TenantQuotas } from '../../../../src/queue/admission/tenant-quotas.ts'
import { Flows } from '../../../../src/queue/flows/flows.ts'
import type { Redis } from '../../../../src/queue/redis/connection.ts'
import type { Keys } from '../../../../src/queue/redis/keys.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { WebhookOutbox } from '../../../../src/queue/webhooks/outbox.ts'

/** The API's side of flows, with what it needs. No coordinator runs. */
export async function ownFlows({ redis, keys }: { redis: Redis; keys: Keys }) {
  const log = pino({ level: 'silent' })
  const registry = await loadRegistry({ diagnosticJobs: true, jobsDir: undefined })
  const jobs = new JobQueue({ client: redis, keys, queues: ['io'] })
  const outbox = new WebhookOutbox({ redis, keys, jobs, control: new JobControl({ redis, keys }), log })
  const quotas = new TenantQuotas({ redis, keys })
  const backpressure = new QueueBackpressure({ redis, keys, memory: new RedisMemory(redis), depthLimit: 1000 })
  const relief = {
    makeRoom: async () => false,
    takeOfTenant: async () => true,
    roomOfTenant: async () => Infinity,
    isStuck: () => false,
    giveBackOfTenant: () => undefined,
    describe: async () => ({ detail: '', retryAfterS: 1 }),
  }
  const door = { admission: new Admission({ backpressure, quotas, relief }), limits: new TenantLimits({ redis, keys }) }
  return { flows: new Flows({ redis, keys, registry, outbox, door }), registry, outbox, door, log }
}
