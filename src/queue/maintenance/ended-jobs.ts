import { z } from 'zod'
import type { Evictable, EvictionPage, EvictionSearch, EvictionSource } from '../model/eviction.ts'
import type { Retention } from '../model/retention.ts'
import { isAnyHeard, isCluster, type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { expireClaim } from '../store/idempotency-keys.ts'

const findEvictable = loadScript('bullmq/find-evictable')
const evictJobs = loadScript('bullmq/evict-jobs')

/** Bounds of one look: a job costs some microseconds, and its record is copied. */
const maxLook = { jobs: 150, bytes: 2 * 1024 * 1024 }

const foundSchema = z.tuple([z.int(), z.array(z.coerce.string()), z.int()])
const evictedSchema = z.tuple([z.array(z.string()), z.array(z.string())])

/** The ended jobs of a queue. Jobs of flows are none of them: they give way with their flow. */
export class EndedJobs implements EvictionSource {
  readonly key: string
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #queue: string
  readonly #retention: Retention
  readonly #ownerKeyOf: ((id: string) => string) | undefined

  /** @param options `ownerKeyOf`: jobs that are kept as long as that key exists, and whose ids clients do not ask for: deliveries */
  constructor(options: {
    redis: Redis
    keys: Keys
    queue: string
    retention: Retention
    ownerKeyOf?: ((id: string) => string) | undefined
  }) {
    const { redis, keys, queue, retention, ownerKeyOf } = options
    this.key = keys.bull(queue, 'completed')
    this.#redis = redis
    this.#keys = keys
    this.#queue = queue
    this.#retention = retention
    this.#ownerKeyOf = ownerKeyOf
  }

  async find(search: EvictionSearch, from: number): Promise<EvictionPage> {
    const { tenant, kind, endedBefore } = search
    const set = this.#keys.bull(this.#queue, kind === 'succeeded' ? 'completed' : 'failed')
    const prefix = this.#keys.bull(this.#queue, '')
    const args = [prefix, from, maxLook.jobs, maxLook.bytes, endedBefore, tenant, kind]
    const reply = await whenAvailable(findEvictable(this.#redis, [set, this.#keys.webhookDebts(this.#queue)], args))
    const [next, texts, resume] = foundSchema.parse(reply)
    const found: Evictable[] = []
    for (let i = 0; i + 2 < texts.length; i += 3) {
      const [id = '', endedAt, bytes] = texts.slice(i, i + 3)
      found.push({ id, endedAt: Number(endedAt), bytes: Number(bytes), jobs: 1 })
    }
    const place = (rank: number) => (rank < 0 ? undefined : rank)
    return { found: await this.#withoutOwner(found), next: place(next), resume: place(resume) }
  }

  async #withoutOwner(found: Evictable[]): Promise<Evictable[]> {
    const ownerKeyOf = this.#ownerKeyOf
    if (!ownerKeyOf) return found
    const exist = await whenAvailable(Promise.all(found.map(({ id }) => this.#redis.exists(ownerKeyOf(id)))))
    return found.filter((_, n) => exist[n] === 0)
  }

  async evict(some: Evictable[], search: EvictionSearch): Promise<{ removed: number; bytes: number }> {
    const ids = await this.#unheard(some.map(({ id }) => id))
    if (ids.length === 0) return { removed: 0, bytes: 0 }
    const { removed, marked } = await this.#evict(ids, search)
    // A process that dies from here on leaves marked jobs: the next sweep does the rest.
    await Promise.all(
      marked.map(async ({ id, claim, until }) => {
        await whenAvailable(expireClaim(this.#redis, [claim], [id, until]))
        await whenAvailable(this.#redis.hdel(`${this.#keys.bull(this.#queue, '')}${id}`, 'claim'))
      }),
    )
    const unmarked = marked.map(({ id }) => id)
    const rest = unmarked.length === 0 ? [] : (await this.#evict(unmarked, search)).removed
    const gone = new Set([...removed, ...rest])
    return { removed: gone.size, bytes: some.reduce((sum, { id, bytes }) => sum + (gone.has(id) ? bytes : 0), 0) }
  }

  /** The script sees the listeners at its own node of a cluster alone. */
  async #unheard(ids: string[]): Promise<string[]> {
    if (!isCluster(this.#redis)) return ids
    const channels = ids.map((id) => this.#keys.channel({ queue: this.#queue, id }))
    const heard = await Promise.all(channels.map((channel) => isAnyHeard(this.#redis, [channel])))
    return ids.filter((_, n) => !heard[n])
  }

  async #evict(ids: string[], { tenant, endedBefore }: EvictionSearch) {
    const keys = this.#keys
    const queue = this.#queue
    const sets = ['completed', 'failed'].map((set) => keys.bull(queue, set))
    const beside = [keys.timeLimits(queue), keys.index(queue), keys.webhookDebts(queue), keys.evicted(queue)]
    const isNoted = this.#ownerKeyOf ? '' : 1
    const { resultTtlMs, failedTtlMs } = this.#retention
    const args = [
      keys.bull(queue, ''),
      endedBefore,
      resultTtlMs,
      failedTtlMs,
      ...ids.flatMap((id) => [id, tenant, isNoted]),
    ]
    const reply = await whenAvailable(evictJobs(this.#redis, [...sets, ...beside], args))
    const [removed, texts] = evictedSchema.parse(reply)
    const marked: { id: string; claim: string; until: string }[] = []
    for (let i = 0; i + 2 < texts.length; i += 3) {
      const [id = '', claim = '', until = ''] = texts.slice(i, i + 3)
      marked.push({ id, claim, until })
    }
    return { removed, marked }
  }
}
