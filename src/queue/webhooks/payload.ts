import { maskSecrets } from '../../jobs/secrets.ts'
import type { StoredJob } from '../model/stored-job.ts'

/** The body of a webhook for the end of a job or flow. `type` is `job.succeeded` and so on; `data` must be JSON. */
export interface WebhookPayload {
  type: string
  timestamp: string
  data: object
}

/** The payload for an ended job: the job as clients see it, without its input. A large output is left out: clients get it from the API. */
export function jobPayload(job: StoredJob): WebhookPayload {
  const { id, type, queue, state, run, attempt, failure, record } = job
  const self = `/v1/jobs/${id}`
  return {
    type: `job.${state}`,
    timestamp: iso(job.finishedAt) ?? '',
    data: {
      id,
      type,
      queue,
      state,
      run,
      attempt,
      output: maskSecrets(job.output ?? null, record.secrets?.output),
      output_bytes: job.storedOutput?.bytes ?? null,
      error: failure ?? null,
      tags: record.tags ?? [],
      metadata: record.metadata ?? {},
      created_at: iso(job.createdAt),
      started_at: iso(job.startedAt),
      finished_at: iso(job.finishedAt),
      links: { self, output: `${self}/output`, deliveries: `${self}/deliveries` },
    },
  }
}

/** Formats epoch ms as clients read it. */
export function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
