import { type ConnectionLog, type Redis, readInfo } from './connection.ts'
import { isReply } from './transient-errors.ts'
import type { Warning } from './warning.ts'

/** Redis may remove keys that jobs need: it is configured so, and that was not allowed. */
export class RedisUnfitError extends Error {
  constructor(detail: string) {
    super(`REDIS_URL: ${detail}`)
    this.name = 'RedisUnfitError'
  }
}

/**
 * Checks how Redis is configured, and logs what is wrong. By INFO alone: managed servers and restricted users often have no CONFIG.
 *
 * @returns what is wrong, and what could not be checked
 * @throws RedisUnfitError where an eviction policy is set and `allowEviction` is not
 */
export async function checkFitness(
  redis: Redis,
  { allowEviction, log }: { allowEviction: boolean; log: ConnectionLog },
): Promise<Warning[]> {
  const warnings: Warning[] = []
  const policies = await valuesOf(redis, 'memory', 'maxmemory_policy')
  const evicting = policies?.find((policy) => policy !== 'noeviction')
  if (evicting !== undefined) {
    const detail = `its maxmemory-policy is ${evicting}, so it may remove jobs and leases when its memory is full: set noeviction`
    if (!allowEviction) throw new RedisUnfitError(`${detail}, or ALLOW_EVICTION=1 to run with it`)
    warnings.push({ code: 'redis_evicts', detail: `Redis: ${detail}` })
  }
  const files = await valuesOf(redis, 'persistence', 'aof_enabled')
  if (files?.includes('0')) {
    const detail = 'Redis has no append-only file: a crash of it loses accepted jobs. Set appendonly yes'
    warnings.push({ code: 'redis_not_durable', detail })
  }
  if (!policies || !files) {
    const detail =
      'its eviction policy or its persistence could not be checked: this user may not call INFO, or it says nothing about them'
    warnings.push({ code: 'redis_not_checked', detail: `Redis: ${detail}` })
  }
  for (const { code, detail } of warnings) log.warn({ code }, detail)
  return warnings
}

/** A field of INFO, of each node; undefined where it cannot be read. */
async function valuesOf(redis: Redis, section: string, field: string): Promise<string[] | undefined> {
  const infos = await readInfo(redis, section).catch((error: unknown) => {
    if (isReply(error)) return []
    throw error
  })
  const values = infos.flatMap((info) => new RegExp(`^${field}:(\\S+)`, 'm').exec(info)?.[1] ?? [])
  return values.length > 0 && values.length === infos.length ? values : undefined
}
