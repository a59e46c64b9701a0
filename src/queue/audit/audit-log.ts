import { z } from 'zod'
import { redisNow } from '../model/redis-time.ts'
import { hashOf } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

const maxEntries = 100_000
const keptMs = 90 * 86_400_000
/** It looks at so many entries by one call, and for so long (ms) for one page. */
const looksAtOnce = 2000
const maxLookMs = 250

/** Who did what. */
export interface AuditEntry {
  tenant: string
  /** The id of the API key; undefined where there are none. */
  key: string | undefined
  /** The operation of the API, such as `cancelJob`. */
  action: string
  /** The id of what was changed; undefined: it has none. */
  target: string | undefined
  requestId: string
}

/** … and when: epoch ms. */
export type StoredAuditEntry = AuditEntry & { at: number }

const entrySchema = z.object({
  tenant: z.string(),
  key: z.string().optional(),
  action: z.string(),
  target: z.string().optional(),
  requestId: z.string(),
})

/** What clients changed: a stream of the last 100,000 entries, none older than 90 days. */
export class AuditLog {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** @throws QueueUnavailableError */
  async add(entry: AuditEntry): Promise<void> {
    const fields = Object.entries(entry).flatMap(([name, value]: [string, string | undefined]) =>
      value === undefined ? [] : [name, value],
    )
    const stream = this.#keys.audit
    await whenAvailable(
      Promise.all([
        this.#redis.xadd(stream, 'MAXLEN', '~', maxEntries, '*', ...fields),
        this.#redis.xtrim(stream, 'MINID', '~', redisNow() - keptMs),
      ]),
    )
  }

  /**
   * Entries that match, newest first, from behind a cursor on. A page may be short.
   *
   * @returns `cursor`: of the next page; undefined at the end. @throws QueueUnavailableError
   */
  async read(
    matches: (entry: StoredAuditEntry) => boolean,
    { cursor, limit }: { cursor: string | undefined; limit: number },
  ): Promise<{ entries: StoredAuditEntry[]; cursor: string | undefined }> {
    const oldest = redisNow() - keptMs
    const entries: StoredAuditEntry[] = []
    const since = performance.now()
    for (let behind = cursor; ; ) {
      const last = behind === undefined ? '+' : `(${behind}`
      const found = await whenAvailable(this.#redis.xrevrange(this.#keys.audit, last, oldest, 'COUNT', looksAtOnce))
      for (const [id, fields] of found) {
        const entry = storedEntry(id, fields)
        if (entry && matches(entry)) entries.push(entry)
        if (entries.length === limit) return { entries, cursor: id }
      }
      if (found.length < looksAtOnce) return { entries, cursor: undefined }
      behind = found.at(-1)?.[0]
      if (performance.now() - since > maxLookMs) return { entries, cursor: behind }
    }
  }
}

function storedEntry(id: string, fields: string[]): StoredAuditEntry | undefined {
  const { data } = entrySchema.safeParse(hashOf(fields))
  return data && { ...data, key: data.key, target: data.target, at: Number(id.split('-', 1)[0]) }
}
