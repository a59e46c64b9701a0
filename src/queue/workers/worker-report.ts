import { z } from 'zod'
import { parseJson } from '../model/parse-json.ts'

/** A report is written again after this, so that a Redis that lost it has it again. */
export const rewriteMs = 60_000
/** A report expires after this. */
export const reportExpiryMs = 3 * rewriteMs
/** A report names so many of the running jobs. */
export const maxReportedJobs = 20

const report = z.object({
  /** As it is stored with its jobs; absent where it is the id of the worker, as earlier versions have it. */
  name: z.string().optional(),
  version: z.string(),
  node: z.string(),
  pid: z.int(),
  startedAt: z.number(),
  /** Concurrency limit and running jobs by queue. */
  queues: z.record(z.string(), z.object({ concurrency: z.int(), running: z.int() })),
  /** Some of the jobs that run. */
  jobs: z.array(z.object({ id: z.string(), type: z.string(), startedAt: z.number() })),
  draining: z.boolean(),
  memoryBytes: z.int(),
  /** When it was written; epoch ms, as all times. */
  at: z.number(),
})

/** What a worker process says of itself. */
export type WorkerReport = z.output<typeof report>

/** Reads a stored report; undefined where there is none, or another version wrote it. */
export function decodeReport(text: string | null): WorkerReport | undefined {
  return text === null ? undefined : report.safeParse(parseJson(text)).data
}
