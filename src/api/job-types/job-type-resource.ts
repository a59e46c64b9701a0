import { z } from 'zod'
import { describeSchemas, type LoadedJob } from '../../jobs/registry.ts'
import { named } from '../openapi/fields.ts'

/** A job type as clients see it. */
export const jobTypeSchema = z.object({
  type: z.string(),
  version: z
    .string()
    .nullable()
    .describe(
      'Identifies the contents of the file that declares the job type, in this API process: the beginning of its SHA-256',
    ),
  type_version: z.int().nullable().describe('The `version` that the file declares'),
  title: z.string(),
  description: z.string(),
  runs_on: named('RunsOn', z.enum(['event-loop', 'thread', 'process'])),
  queue: z.string(),
  defaults: z.object({
    attempts: z.int(),
    backoff: z.object({
      type: named('BackoffType', z.enum(['fixed', 'exponential'])),
      delay_ms: z.int(),
      jitter: z.number(),
    }),
    timeout_ms: z.int(),
  }),
  input: z.record(z.string(), z.unknown()).describe('JSON Schema of the input'),
  output: z.record(z.string(), z.unknown()).describe('JSON Schema of the output'),
  examples: z.array(named('JobTypeExample', z.object({ input: z.unknown(), output: z.unknown() }))),
})

export function jobTypeResource({ job, version }: LoadedJob): z.output<typeof jobTypeSchema> {
  const { type, delayMs, jitter } = job.backoff
  return {
    type: job.type,
    version: version ?? null,
    type_version: job.version ?? null,
    title: job.title,
    description: job.description,
    runs_on: job.runsOn,
    queue: job.queue,
    defaults: { attempts: job.attempts, backoff: { type, delay_ms: delayMs, jitter }, timeout_ms: job.timeoutMs },
    ...describeSchemas(job),
    examples: job.examples.map(({ input, output }) => ({ input, output: output ?? null })),
  }
}
