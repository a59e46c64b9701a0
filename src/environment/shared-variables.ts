import { z } from 'zod'
import { certificates, flag, integer, list, redisUrl, webhookSecrets } from './kinds.ts'
import { defaultResultTtlMs } from './retention.ts'

/** A private authority without TLS is a mistake: the connection would be in the clear. */
export function refuseCaWithoutTls({ REDIS_URL, REDIS_CA_FILE }: Redis, context: z.RefinementCtx): void {
  if (REDIS_CA_FILE === undefined || REDIS_URL.startsWith('rediss')) return
  const message = 'is set, but REDIS_URL does not use TLS: write rediss://'
  context.addIssue({ code: 'custom', path: ['REDIS_CA_FILE'], message })
}

const protocols: readonly (string | undefined)[] = [undefined, 'http/protobuf', 'http/json']
const samplers: readonly string[] = ['always_on', 'always_off', 'traceidratio'].flatMap((name) => [
  name,
  `parentbased_${name}`,
])

interface Tracing {
  OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined
  OTEL_EXPORTER_OTLP_PROTOCOL?: string | undefined
  OTEL_TRACES_SAMPLER?: string | undefined
  OTEL_TRACES_SAMPLER_ARG?: string | undefined
}

/** Checked only where traces are sent: these variables are also those of other programs. */
export function refuseUnknownTracing(given: Tracing, context: z.RefinementCtx): void {
  if (given.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return
  const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  if (!protocols.includes(given.OTEL_EXPORTER_OTLP_PROTOCOL))
    refuse('OTEL_EXPORTER_OTLP_PROTOCOL', 'must be http/protobuf or http/json')
  if (!samplers.includes(given.OTEL_TRACES_SAMPLER ?? 'always_on'))
    refuse('OTEL_TRACES_SAMPLER', `must be one of ${samplers.join(', ')}`)
  const ratio = Number(given.OTEL_TRACES_SAMPLER_ARG ?? 1)
  if (!(ratio >= 0 && ratio <= 1)) refuse('OTEL_TRACES_SAMPLER_ARG', 'must be a number from 0 to 1')
}

interface Redis {
  REDIS_URL: string
  REDIS_CA_FILE?: string | undefined
}

const logLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])

/**
 * Describes a variable for docs/configuration.md, which `npm run docs` generates.
 *
 * @param defaultText what the page shows where the default depends on the machine
 */
export const about = (description: string, defaultText?: string) => ({
  description,
  ...(defaultText !== undefined && { defaultText }),
})

/** What the API and the workers both read. */
export const sharedVariables = {
  REDIS_URL: redisUrl.meta(
    about(
      'A Redis server, sentinels or a cluster, with or without TLS: see [Redis](redis.md). `npm start` finds or starts a server when it is unset.',
    ),
  ),
  REDIS_PASSWORD: z
    .string()
    .optional()
    .meta(about('Password of Redis, where `REDIS_URL` has none. It needs no percent-encoding.')),
  REDIS_CA_FILE: certificates
    .optional()
    .meta(about("PEM file of the certificate authorities to trust instead of the system's, for `rediss://`.")),
  REDIS_COMMAND_TIMEOUT_MS: integer(100, 60_000)
    .default(900)
    .meta(
      about(
        'How long the API waits for the answer to a command before it answers 503. Longer where the round trip to Redis is long.',
      ),
    ),
  ALLOW_EVICTION: flag
    .default(false)
    .meta(
      about(
        '`1` runs on a Redis whose `maxmemory-policy` is not `noeviction`, which may remove jobs and leases when its memory is full.',
      ),
    ),
  KEY_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -')
    .default('drover')
    .meta(about('Prefix of all keys in Redis. Several installations can share a server under different prefixes.')),
  JOBS_DIR: z
    .string()
    .optional()
    .meta(about('Extra folder of job types, one file each. The API and all workers need the same files.')),
  DIAGNOSTIC_JOBS: flag
    .default(false)
    .meta(about('`1` adds the diagnostic job types `echo`, `sleep`, `burn-cpu` and `burn-cpu-isolated`.')),
  JOB_TYPES: list
    .transform((names) => (names.length === 1 && names[0] === 'none' ? [] : names))
    .optional()
    .meta(
      about(
        'Built-in job types to offer, diagnostic types included, separated by commas; `none`: none of them. Types of `JOBS_DIR` are always offered. The API and all workers need the same. Default: all.',
      ),
    ),
  ACCEPT_BULLMQ_JOBS: flag
    .default(false)
    .meta(
      about(
        '`1` runs jobs that other services add with BullMQ itself, and shows them as `<queue>_<id>`: see [BullMQ](bullmq.md). Otherwise they fail.',
      ),
    ),
  WEBHOOK_SECRETS: webhookSecrets
    .default([])
    .meta(
      about(
        'Keys that sign webhooks, separated by commas: see [Webhooks](webhooks.md). Without a secret the API refuses webhooks, and workers send none.',
      ),
    ),
  RESULT_TTL_MS: integer(1000, 365 * 86_400_000)
    .default(defaultResultTtlMs)
    .meta(about('How long a finished job stays readable at the latest: see `RESULT_MIN_MS`.')),
  FAILED_TTL_MS: integer(1000, 7 * 365 * 86_400_000)
    .optional()
    .meta(
      about(
        'How long a failed job stays readable at the latest. Default: seven days, or `RESULT_TTL_MS` where that is not a day.',
      ),
    ),
  RESULT_MAX_COUNT: integer(0, 1_000_000_000)
    .optional()
    .meta(
      about(
        'How many finished jobs are kept in all queues together: beyond that they give way as where Redis is low on memory.',
      ),
    ),
  RESULT_MAX_BYTES: integer(0, 1_000_000_000_000)
    .optional()
    .meta(about('… how many bytes they take, about: their inputs, outputs, values and events, and 1,200 for each.')),
  RESULT_MIN_MS: integer(0, 86_400_000)
    .default(60_000)
    .meta(
      about(
        'How long a finished job stays readable in any case. After that it may give way to new work, the oldest first, where Redis uses more than 60 % of its `maxmemory`.',
      ),
    ),
  QUEUE_DEPTH_LIMIT: integer(1, 1_000_000_000)
    .default(1_000_000)
    .meta(
      about(
        'Waiting and scheduled jobs of a queue before submissions get 503 `queue_full`, and maps and schedules wait. The same for the API and all workers.',
      ),
    ),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .optional()
    .meta(
      about('Where traces are sent by OTLP over HTTP: see [Observability](observability.md). Unset: there are none.'),
    ),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .optional()
    .meta(about('Headers of the exports, as `name=value` separated by commas: a key of the receiver, for example.')),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.string().optional().meta(about('`http/protobuf` or `http/json`.', 'http/protobuf')),
  OTEL_SERVICE_NAME: z
    .string()
    .optional()
    .meta(about('Name of the service in traces. Default: `drover-api` and `drover-worker`.')),
  OTEL_RESOURCE_ATTRIBUTES: z
    .string()
    .optional()
    .meta(about('Attributes of the service in traces, as `name=value` separated by commas.')),
  OTEL_TRACES_SAMPLER: z
    .string()
    .optional()
    .meta(
      about(
        '`always_on`, `always_off`, `traceidratio`, or one of them with `parentbased_` before it.',
        'parentbased_always_on',
      ),
    ),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .optional()
    .meta(about('The share of traces that `traceidratio` keeps, from 0 to 1.')),
  LOG_FORMAT: z
    .enum(['pretty', 'json'])
    .optional()
    .meta(
      about('`json`: a JSON object a line. `pretty`: lines for people. Default: `pretty` on a terminal, else `json`.'),
    ),
  LOG_LEVEL: logLevel
    .default('info')
    .meta(about('Log level: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.')),
}

/** The values of {@link sharedVariables}. */
export type SharedSettings = z.output<z.ZodObject<typeof sharedVariables>>
