import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { parseAllowList } from './allowed-address.ts'
import { queueNamePattern } from './jobs/define-job.ts'
import { parseRedisUrl } from './queue/redis/redis-address.ts'

/** The environment cannot be used. `message` has one line per mistake, each naming the variable. */
export class EnvironmentError extends Error {
  constructor(mistakes: string[]) {
    super(mistakes.join('\n'))
    this.name = 'EnvironmentError'
  }
}

/**
 * Reads the variables of `schema` from `env`. A variable that is empty counts as unset.
 *
 * @throws EnvironmentError
 */
export function readEnvironment<S extends z.ZodObject>(schema: S, env: NodeJS.ProcessEnv): z.output<S> {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = schema.safeParse(set)
  if (parsed.success) return parsed.data
  throw new EnvironmentError(
    parsed.error.issues.map(({ path, message, code, input }) => {
      const missing = code === 'invalid_type' && input === undefined && set[String(path[0])] === undefined
      return `${path.join('.')}: ${missing ? 'is required' : message}`
    }),
  )
}

/**
 * What to throw when a server could not listen: the system's refusal as a mistake in `port`, or in `host` where the address
 * is the reason; anything else as it is.
 */
export function listenMistake(error: unknown, { host = 'HOST', port = 'PORT' } = {}): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  const isPort = error.code === 'EADDRINUSE' || error.code === 'EACCES'
  return new EnvironmentError([`${isPort ? port : host}: ${error.message}`])
}

const integer = (min: number, max: number) =>
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.int().min(min).max(max))

/** Kinds of variables. */
const variable = {
  integer,
  port: integer(0, 65_535),
  flag: z.enum(['0', '1'], 'must be 0 or 1').transform((text) => text === '1'),
  list: z.string().transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  ),
}

/** `io:100,cpu:2` → which queues, and how many jobs of each at once. */
const workerQueues = variable.list.transform((items, context) => {
  const queues = new Map<string, number>()
  for (const item of items) {
    const [, name = '', concurrency] = /^([^:]+):(\d+)$/.exec(item) ?? []
    const valid = queueNamePattern.test(name) && Number(concurrency) >= 1 && Number(concurrency) <= 100_000
    if (!valid) context.addIssue(`"${item}" is not <queue>:<how many at once>, as in io:100`)
    else if (queues.has(name)) context.addIssue(`the queue "${name}" is named twice`)
    else queues.set(name, Number(concurrency))
  }
  if (items.length === 0) context.addIssue('names no queue')
  return queues
})

/** Blocks of addresses; each that is none is a mistake of its own. */
const cidrBlocks = variable.list.superRefine((items, context) => {
  for (const item of items) {
    try {
      parseAllowList([item])
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      context.addIssue(error.message)
    }
  }
})

/** A key to sign webhooks with: for one tenant, or for all that have none of their own. */
export interface WebhookSecret {
  tenant: string | undefined
  key: Buffer
}

/** `whsec_<base64>`, or `<tenant>=whsec_<base64>`, separated by commas; the messages are not to show them. */
const webhookSecrets = variable.list.transform((items, context): WebhookSecret[] =>
  items.flatMap((item, n) => {
    const [, tenant, base64 = ''] = /^(?:([^=\s]+)=)?whsec_([A-Za-z0-9+/]+={0,2})$/.exec(item) ?? []
    const key = Buffer.from(base64, 'base64')
    if (key.length >= 24 && key.length <= 64) return [{ tenant, key }]
    context.addIssue(`entry ${n + 1} is not [<tenant>=]whsec_ and 24 to 64 bytes in base64`)
    return []
  }),
)

const redisUrl = z.string().superRefine((text, context) => {
  const parsed = parseRedisUrl(text)
  if (parsed.status === 'mistake') context.addIssue(parsed.mistake)
})

/** A file of certificates, as its content. */
const certificates = z.string().transform((path, context) => {
  try {
    const pem = readFileSync(path, 'utf8')
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
    context.addIssue(`"${path}" holds no certificate in PEM form`)
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    context.addIssue(`"${path}" cannot be read (${why})`)
  }
  return z.NEVER
})

/** A private authority without TLS is a mistake that would send everything in the clear. */
function refuseCaWithoutTls({ REDIS_URL, REDIS_CA_FILE }: Redis, context: z.RefinementCtx): void {
  if (REDIS_CA_FILE === undefined || REDIS_URL.startsWith('rediss')) return
  const message = 'is set, but REDIS_URL does not ask for TLS: that would be rediss://'
  context.addIssue({ code: 'custom', path: ['REDIS_CA_FILE'], message })
}

interface Redis {
  REDIS_URL: string
  REDIS_CA_FILE?: string | undefined
}

const logLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])

/** What the API and the workers both read. */
const sharedVariables = {
  REDIS_URL: redisUrl,
  /** Certificates of the authorities that are trusted in place of the system's, for TLS with Redis. */
  REDIS_CA_FILE: certificates.optional(),
  /** All keys in Redis start with it, so that several installations can share a server. */
  KEY_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -')
    .default('drover'),
  JOBS_DIR: z.string().optional(),
  DIAGNOSTIC_JOBS: variable.flag.default(false),
  /** Webhooks are signed with all of a tenant's: the API refuses webhooks without one, workers send none. */
  WEBHOOK_SECRETS: webhookSecrets.default([]),
  RESULT_TTL_MS: integer(1000, 365 * 86_400_000).default(86_400_000),
  LOG_LEVEL: logLevel.default('info'),
}

/** What a worker reads. */
export const workerVariables = z
  .object({
    ...sharedVariables,
    WORKER_QUEUES: workerQueues.default(
      new Map([
        ['io', 100],
        ['cpu', availableParallelism()],
      ]),
    ),
    /** How many webhooks at once; a tenth of them to one origin. 0: none. */
    WEBHOOKS_AT_ONCE: integer(0, 10_000).default(100),
    WORKER_PORT: variable.port.optional(),
    EGRESS_ALLOW_CIDRS: cidrBlocks.default([]),
    INLINE_OUTPUT_BYTES: integer(0, 16_777_216).default(262_144),
    OUTPUT_LIMIT_BYTES: integer(1024, 268_435_456).default(67_108_864),
    SHUTDOWN_GRACE_MS: integer(0, 3_600_000).default(10_000),
    LOCK_MS: integer(200, 600_000).default(10_000),
  })
  .superRefine(refuseCaWithoutTls)

const loopbackHosts = new Set(['127.0.0.1', '::1', 'localhost'])

/** What the API reads. */
export const apiVariables = z
  .object({
    ...sharedVariables,
    HOST: z.string().default('127.0.0.1'),
    PORT: variable.port.default(3000),
    BODY_LIMIT_BYTES: integer(1024, 268_435_456).default(8_388_608),
    QUEUE_DEPTH_LIMIT: integer(1, 1_000_000_000).default(1_000_000),
    ALLOW_ANONYMOUS: variable.flag.default(false),
    API_KEYS_FILE: z.string().optional(),
    /** What needs no key although there are keys. */
    PUBLIC_ENDPOINTS: variable.list
      .pipe(z.array(z.enum(['docs', 'metrics'], 'must be docs, metrics or both')))
      .default([]),
  })
  .superRefine(({ HOST, ALLOW_ANONYMOUS, API_KEYS_FILE }, context) => {
    if (ALLOW_ANONYMOUS || API_KEYS_FILE !== undefined || loopbackHosts.has(HOST)) return
    const message = `${HOST} is not a loopback address and nobody is asked for a key: set API_KEYS_FILE, or ALLOW_ANONYMOUS=1 to allow that`
    context.addIssue({ code: 'custom', path: ['HOST'], message })
  })
  .superRefine(refuseCaWithoutTls)
