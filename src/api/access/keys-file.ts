import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { EnvironmentError } from '../../environment.ts'
import { queueNamePattern } from '../../jobs/define-job.ts'
import { maxConcurrency } from '../../queue/model/scheduling.ts'
import { webhookEvents, webhookUrl } from '../../queue/model/webhook-target.ts'

/** What a key allows. `admin` covers the service as a whole (such as pausing a queue) and includes the others. */
export const scopes = ['submit', 'read', 'cancel', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** The limits of a tenant, and its standing webhooks. Absent: none. */
const limitsSchema = z.strictObject({
  requests_per_minute: z.int().min(1).optional(),
  max_queued: z.int().min(1).optional(),
  /** The highest `priority` of its jobs. */
  max_priority: z.int().min(0).max(9).optional(),
  /** Its share of the workers, beside those of other tenants. Absent: 1. */
  weight: z.number().min(0.01).max(1000).optional(),
  /** How many of its jobs may run at once in each queue. */
  max_running: z.int().min(1).max(maxConcurrency).optional(),
  /** Webhooks that are sent again. Absent: 60. */
  resends_per_minute: z.int().min(1).optional(),
  /** About what its jobs take in Redis; and of request bodies in flight in one API process. */
  max_bytes: z.int().min(1024).optional(),
  /** Event streams and streams of lines that are open in one API process. */
  max_streams: z.int().min(1).optional(),
  /** Requests that wait with `Prefer: wait` in one API process. */
  max_waits: z.int().min(1).optional(),
  /** Notified of the jobs and flows that name no webhook: the first one that has their type. Without types: of all. */
  webhooks: z
    .array(
      z.strictObject({
        url: webhookUrl,
        events: z.array(z.enum(webhookEvents)).min(1).max(20).optional(),
        types: z.array(z.string().min(1).max(100)).min(1).max(1000).optional(),
      }),
    )
    .max(20)
    .optional(),
})
export type TenantLimits = z.output<typeof limitsSchema>

/** Without a dot, which separates an id from its secret, and a colon, which separates a tenant from the rest of a Redis key. */
const keyName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, _ or -')

export const keySchema = z.strictObject({
  id: keyName,
  hash: z.string().regex(/^[0-9a-f]{64}$/i, 'must be the SHA-256 of the secret, in hex'),
  tenant: keyName,
  scopes: z.array(z.enum(scopes)).min(1),
  expires_at: z.iso.datetime({ offset: true }).nullable().default(null),
  /** The job types and the queues that it may submit to. Absent: all. */
  types: z.array(z.string().min(1).max(100)).optional(),
  queues: z.array(z.string().regex(queueNamePattern, 'must be names of queues')).optional(),
})

export type KeyEntry = z.output<typeof keySchema>

/** The content of `API_KEYS_FILE`. */
const keysFileSchema = z
  .strictObject({
    keys: z.array(keySchema),
    tenants: z.record(keyName, limitsSchema).default({}),
  })
  .superRefine(({ keys }, context) => {
    const ids = keys.map(({ id }) => id)
    for (const [n, id] of ids.entries()) {
      if (ids.indexOf(id) < n) context.addIssue({ code: 'custom', path: ['keys', n, 'id'], message: 'is used twice' })
    }
  })

export type KeysFile = z.output<typeof keysFileSchema>

/** The SHA-256 of a key's secret, in hex: only this is stored. A secret is random and long, so a slow hash would add nothing. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Reads a keys file. A missing file counts as empty. @throws KeysFileError */
export async function readKeysFile(path: string): Promise<KeysFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{ "keys": [] }'
    throw new KeysFileError(`cannot be read (${error.code})`)
  })
  return parseKeysFile(text)
}

/** Reads the text of a keys file. @throws KeysFileError that names each mistake, and never the content. */
export function parseKeysFile(text: string): KeysFile {
  let json: unknown
  try {
    // Some editors begin a file with a byte order mark, which is no JSON.
    json = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    throw new KeysFileError('is not JSON')
  }
  const parsed = keysFileSchema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new KeysFileError(
    parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`).join('; '),
  )
}

/** The keys file is unusable. */
export class KeysFileError extends EnvironmentError {
  constructor(why: string) {
    super([`API_KEYS_FILE: ${why}`])
    this.name = 'KeysFileError'
  }
}
