import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseAllowList } from '../allowed-address.ts'
import { queueNamePattern } from '../jobs/define-job.ts'
import { parseRedisUrl } from '../queue/redis/redis-address.ts'

// Kinds of variables: how the text of an environment variable becomes a value.

/** A whole number from `min` to `max`. */
export const integer = (min: number, max: number) =>
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.int().min(min).max(max))

/** A TCP port; 0 means any free port. */
export const port = integer(0, 65_535)

/** The name of a worker. Without a colon, which only names that are made up have. */
export const workerNamePattern = z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"')

/** `1` is true, `0` is false. */
export const flag = z.enum(['0', '1'], 'must be 0 or 1').transform((text) => text === '1')

/** Items separated by commas, without empty ones. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)

/** Names of hosts as they stand in a `host` header, in lower case. */
export const hosts = list.transform((items, context) => {
  for (const item of items) {
    if (URL.parse(`http://${item}`)?.host !== item.toLowerCase())
      context.addIssue(`"${item}" is not a host, as in api.example.org`)
  }
  return items.map((item) => item.toLowerCase())
})

/** Origins of web pages, or `*`. */
export const origins = list.transform((items, context) => {
  for (const item of items) {
    if (item !== '*' && URL.parse(item)?.origin !== item)
      context.addIssue(`"${item}" is not an origin, as in https://app.example.org`)
  }
  return items
})

/** `io:100,cpu:2`: the queues to consume, each with its concurrency limit. */
export const workerQueues = list.transform((items, context) => {
  const queues = new Map<string, number>()
  for (const item of items) {
    const [, name = '', concurrency] = /^([^:]+):(\d+)$/.exec(item) ?? []
    const valid = queueNamePattern.test(name) && Number(concurrency) >= 1 && Number(concurrency) <= 100_000
    if (!valid) context.addIssue(`"${item}" is not <queue>:<concurrency>, as in io:100`)
    else if (queues.has(name)) context.addIssue(`the queue "${name}" is named twice`)
    else queues.set(name, Number(concurrency))
  }
  if (items.length === 0) context.addIssue('names no queue')
  return queues
})

/** CIDR blocks; each invalid block is reported on its own. */
export const cidrBlocks = list.superRefine((items, context) => {
  for (const item of items) {
    try {
      parseAllowList([item])
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      context.addIssue(error.message)
    }
  }
})

/** A key that signs webhooks: of one tenant, or of all tenants that have no key of their own. */
export interface WebhookSecret {
  tenant: string | undefined
  key: Buffer
}

/** `whsec_<base64>` or `<tenant>=whsec_<base64>`, separated by commas. Messages never show a secret. */
export const webhookSecrets = list.transform((items, context): WebhookSecret[] =>
  items.flatMap((item, n) => {
    const [, tenant, base64 = ''] = /^(?:([^=\s]+)=)?whsec_([A-Za-z0-9+/]+={0,2})$/.exec(item) ?? []
    const key = Buffer.from(base64, 'base64')
    if (key.length >= 24 && key.length <= 64) return [{ tenant, key }]
    context.addIssue(`entry ${n + 1} is not [<tenant>=]whsec_ and 24 to 64 bytes in base64`)
    return []
  }),
)

/** Secrets that sign tokens, separated by commas. Messages never show one. */
export const tokenSecrets = list.superRefine((items, context) => {
  for (const [n, item] of items.entries())
    if (item.length < 24) context.addIssue(`entry ${n + 1} has fewer than 24 characters`)
})

/** Names of environment variables. */
export const variableNames = list.pipe(z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not a variable name')))

/** `<uid>` or `<uid>:<gid>`; the group is that of the same number by default. */
export const jobUser = z
  .string()
  .regex(/^\d{1,9}(:\d{1,9})?$/, 'is not <uid> or <uid>:<gid>')
  .transform((text) => {
    const [uid = 0, gid = uid] = text.split(':').map(Number)
    return { uid, gid }
  })

/** An address that src/queue/redis/redis-address.ts can parse. */
export const redisUrl = z.string().superRefine((text, context) => {
  const parsed = parseRedisUrl(text)
  if (parsed.status === 'mistake') context.addIssue(parsed.mistake)
})

/** Path of a PEM file of certificates; the value is its content. */
export const certificates = z.string().transform((path, context) => {
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
