import { availableParallelism } from 'node:os'
import { z } from 'zod'
import {
  cidrBlocks,
  flag,
  hosts,
  integer,
  jobUser,
  list,
  origins,
  port,
  tokenSecrets,
  variableNames,
  workerNamePattern,
  workerQueues,
} from './environment/kinds.ts'
import { refuseShortFailures } from './environment/retention.ts'
import { readSecretFiles } from './environment/secrets.ts'
import { about, refuseCaWithoutTls, refuseUnknownTracing, sharedVariables } from './environment/shared-variables.ts'

/** The environment is invalid. `message` has one line per mistake, and each line names the variable. */
export class EnvironmentError extends Error {
  constructor(mistakes: string[]) {
    super(mistakes.join('\n'))
    this.name = 'EnvironmentError'
  }
}

/**
 * Reads the variables of `schema` from `env`. A variable that is empty counts as unset. A secret may come from a file.
 *
 * @throws EnvironmentError
 */
export function readEnvironment<S extends z.ZodObject>(schema: S, env: NodeJS.ProcessEnv): z.output<S> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const { env: set, sources, mistakes } = readSecretFiles(given)
  const parsed = schema.safeParse(set)
  if (parsed.success && mistakes.length === 0) return parsed.data
  const issues = parsed.error?.issues ?? []
  for (const { path, message, code, input } of issues) {
    const name = String(path[0])
    const isMissing = code === 'invalid_type' && input === undefined && set[name] === undefined
    // The mistake about its file is enough.
    if (isMissing && sources.has(name)) continue
    mistakes.push(`${[sources.get(name) ?? name, ...path.slice(1)].join('.')}: ${isMissing ? 'is required' : message}`)
  }
  throw new EnvironmentError(mistakes)
}

/**
 * The error to throw when a server could not listen: an EnvironmentError that names `port`, or `host` if the address is the
 * reason. Any other error is returned unchanged.
 */
export function listenMistake(error: unknown, { host = 'HOST', port = 'PORT' } = {}): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  const isPort = error.code === 'EADDRINUSE' || error.code === 'EACCES'
  return new EnvironmentError([`${isPort ? port : host}: ${error.message}`])
}

/** What a worker reads. */
export const workerVariables = z
  .object({
    ...sharedVariables,
    WORKER_QUEUES: workerQueues
      .default(
        new Map([
          ['io', 100],
          ['cpu', availableParallelism()],
        ]),
      )
      .meta(
        about(
          'Queues that this worker consumes, and how many jobs of each run at the same time.',
          'io:100,cpu:<cores>',
        ),
      ),
    WEBHOOKS_AT_ONCE: integer(0, 10_000)
      .default(100)
      .meta(
        about('Webhooks that this worker sends at the same time, at most a tenth of them to one origin. `0`: none.'),
      ),
    WORKER_NAME: workerNamePattern
      .optional()
      .meta(
        about(
          'Name of this worker in jobs and logs: letters, digits, `.`, `_` and `-`. Every client sees it. Default: its host and process id, which only keys with the scope `admin` see.',
        ),
      ),
    WORKER_PORT: port
      .optional()
      .meta(about('Port on which this worker serves `/livez`, `/readyz` and `/metrics`. `0`: any free port.')),
    WORKER_HOST: z
      .string()
      .default('127.0.0.1')
      .meta(about('Address on which this worker listens for `WORKER_PORT`. In containers: `0.0.0.0`.')),
    EGRESS_ALLOW_CIDRS: cidrBlocks
      .default([])
      .meta(about('Private address ranges that jobs and webhooks may call, separated by commas.')),
    INLINE_OUTPUT_BYTES: integer(0, 16_777_216)
      .default(262_144)
      .meta(about('Larger outputs are stored beside their job. Clients read them with `GET /v1/jobs/{id}/output`.')),
    OUTPUT_LIMIT_BYTES: integer(1024, 268_435_456)
      .default(67_108_864)
      .meta(about('A job whose output is larger fails with `invalid_output`.')),
    JOB_ENV: variableNames
      .default([])
      .meta(
        about(
          'Environment variables for jobs in threads and processes, separated by commas. These get `PATH`, `HOME`, `TZ`, `LANG`, `TMPDIR`, `NODE_*` and no others.',
        ),
      ),
    JOB_LOGS: z
      .enum(['stdout'], 'must be stdout')
      .optional()
      .meta(
        about(
          '`stdout`: what handlers log is also written to the log of the worker, whatever its `LOG_LEVEL`, as lines with `"from":"job"`, `job`, `type` and `attempt`.',
          'none',
        ),
      ),
    JOB_USER: jobUser
      .optional()
      .meta(
        about(
          'User (and group) of child processes that run jobs, as numbers: `65534` or `65534:65534`. The worker must run as root. They cannot read its memory and files then.',
        ),
      ),
    BULLMQ_EVENTS: flag
      .default(false)
      .meta(
        about(
          "`1` writes BullMQ's event streams, for `QueueEvents` and other tools of BullMQ: see [BullMQ](bullmq.md).",
        ),
      ),
    SHUTDOWN_GRACE_MS: integer(0, 3_600_000)
      .default(10_000)
      .meta(about('How long a stopping worker lets running jobs finish. The rest goes back to the queue.')),
    LOCK_MS: integer(200, 600_000)
      .default(10_000)
      .meta(
        about(
          'Lease of a job (visibility timeout). A job is redelivered when its worker has not renewed the lease for this long.',
        ),
      ),
  })
  .superRefine(refuseCaWithoutTls)
  .superRefine(refuseUnknownTracing)
  .superRefine(refuseShortFailures)

const loopbackHosts = new Set(['127.0.0.1', '::1', 'localhost'])

/** Whether an API that listens on `host` is reached from its own machine alone. */
export const isLoopback = (host: string): boolean => loopbackHosts.has(host)

/** What the API reads. */
export const apiVariables = z
  .object({
    ...sharedVariables,
    HOST: z.string().default('127.0.0.1').meta(about('Address on which the API listens.')),
    PORT: port.default(3000).meta(about('Port on which the API listens. `0`: any free port.')),
    DRAIN_DELAY_MS: integer(0, 600_000)
      .default(0)
      .meta(
        about(
          'How long a stopping API goes on to listen and to answer, while `/readyz` is 503 and each answer ends its connection. Longer than the probe interval of what is in front. The image sets 5000.',
        ),
      ),
    BODY_LIMIT_BYTES: integer(1024, 268_435_456)
      .default(8_388_608)
      .meta(about('Largest request body, and with it the largest input.')),
    BODY_BUDGET_BYTES: integer(1024, 17_179_869_184)
      .optional()
      .meta(
        about(
          'Most bytes of request bodies in flight, from their arrival until the answer is sent, with 8 for each element and 32 for each string, array, object and member in them. More: 503. A tenant without `max_bytes` may have half of them, or twice `BODY_LIMIT_BYTES` if that is more and within them; more is 429. Default: twelve times `BODY_LIMIT_BYTES`, in a container at most a tenth of its memory limit.',
        ),
      ),
    BODY_MEMBERS_LIMIT: integer(100, 100_000_000)
      .default(200_000)
      .meta(about('Most members of all JSON objects in a request body together. More: 413 `too_many_members`.')),
    BODY_OBJECT_MEMBERS_LIMIT: integer(100, 100_000_000)
      .default(20_000)
      .meta(about('Most members of one JSON object in a request body. More: 413 `too_many_members`.')),
    BODY_NAMES_LIMIT: integer(20_000, 100_000_000)
      .default(80_000)
      .meta(
        about(
          'Most different names of members in a request body, about: the first 20,000 members count as different. More: 413 `too_many_members`.',
        ),
      ),
    BODY_VALUES_LIMIT: integer(100, 100_000_000)
      .default(400_000)
      .meta(
        about(
          'Most strings, arrays and objects in a request body together; numbers are not counted. More: 413 `too_many_members`.',
        ),
      ),
    ALLOW_ANONYMOUS: flag
      .default(false)
      .meta(about('`1` lets the API listen on addresses other than loopback although it runs without authentication.')),
    ALLOWED_HOSTS: hosts
      .default([])
      .meta(
        about(
          'Values of the `host` header that the API answers to besides loopback names, separated by commas, with or without a port. Default: without keys on a loopback address none, else all.',
        ),
      ),
    CORS_ORIGINS: origins
      .default([])
      .meta(
        about(
          'Origins of web pages that may call the API, separated by commas, as in `https://app.example.org`. `*`: every origin, only with keys.',
        ),
      ),
    TRUSTED_PROXIES: cidrBlocks
      .default([])
      .meta(
        about(
          'CIDR blocks of reverse proxies, separated by commas. The address of their clients is taken from `x-forwarded-for`: failed authentications are counted by address.',
        ),
      ),
    API_KEYS_FILE: z
      .string()
      .optional()
      .meta(about('JSON file of API keys, tenants and their limits. The API reads it again when it changes.')),
    TOKEN_SECRETS: tokenSecrets
      .default([])
      .meta(
        about(
          'Secrets of at least 24 characters that sign watch tokens, separated by commas, the newest first: see [Security](security.md#watch-tokens). Without one there are no tokens. The same for all API processes.',
        ),
      ),
    ACCESS_LOG: flag
      .default(false)
      .meta(
        about(
          '`1` logs each answer at `info` with the address of the client, tenant, route, status, duration and job. Without it refusals alone are logged, at most 100 with the same code in 10 s.',
        ),
      ),
    INDEXED_METADATA: list
      .pipe(z.array(z.string().min(1).max(100)).max(20))
      .default([])
      .meta(
        about(
          'Keys of `metadata` by which `GET /v1/jobs?metadata.<key>=` filters, separated by commas. Jobs that were submitted before a key was named are not found by it.',
        ),
      ),
    PUBLIC_ENDPOINTS: list
      .pipe(z.array(z.enum(['docs', 'metrics'], 'must be docs, metrics or both')))
      .default([])
      .meta(about('Endpoints that need no key although keys are configured: `docs`, `metrics` or both.')),
  })
  .superRefine(({ BODY_BUDGET_BYTES, BODY_LIMIT_BYTES }, context) => {
    if (BODY_BUDGET_BYTES === undefined || BODY_BUDGET_BYTES >= BODY_LIMIT_BYTES) return
    const message = `is less than BODY_LIMIT_BYTES, ${BODY_LIMIT_BYTES}`
    context.addIssue({ code: 'custom', path: ['BODY_BUDGET_BYTES'], message })
  })
  .superRefine(({ CORS_ORIGINS, API_KEYS_FILE }, context) => {
    if (!CORS_ORIGINS.includes('*') || API_KEYS_FILE !== undefined) return
    const message = '* lets every web page use the API and needs keys: set API_KEYS_FILE, or name the origins'
    context.addIssue({ code: 'custom', path: ['CORS_ORIGINS'], message })
  })
  .superRefine(({ HOST, ALLOW_ANONYMOUS, API_KEYS_FILE }, context) => {
    if (ALLOW_ANONYMOUS || API_KEYS_FILE !== undefined || isLoopback(HOST)) return
    const message = `${HOST} is not a loopback address and no keys are configured: set API_KEYS_FILE, or ALLOW_ANONYMOUS=1 to run without authentication`
    context.addIssue({ code: 'custom', path: ['HOST'], message })
  })
  .superRefine(refuseCaWithoutTls)
  .superRefine(refuseUnknownTracing)
  .superRefine(refuseShortFailures)
