import { z } from 'zod'
import { cidrBlocks, flag, hosts, integer, list, origins, port, tokenSecrets } from './kinds.ts'
import { refuseShortFailures } from './retention.ts'
import { about, refuseCaWithoutTls, refuseUnknownTracing, sharedVariables } from './shared-variables.ts'

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
