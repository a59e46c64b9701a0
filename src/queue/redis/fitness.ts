import type { Logger } from 'pino'
import { type Redis, readInfo } from './connection.ts'
import { isReply } from './transient-errors.ts'
import type { Warning } from './warning.ts'

/** Redis may remove keys that jobs need: it is configured so, and that was not allowed. */
export class RedisUnfitError extends Error {
  constructor(detail: string) {
    super(`REDIS_URL: ${detail}`)
    this.name = 'RedisUnfitError'
  }
}

/** What is wrong with the configuration of Redis, by the last check. */
export interface Fitness {
  warnings(): Warning[]
  stop(): Promise<void>
}

/**
 * Checks how Redis is configured, at once and then every `everyMs`: a fail-over, a restart or CONFIG SET may change it. What is wrong is logged when it
 * is found first, and when it is over. By INFO alone: managed servers and restricted users often have no CONFIG.
 *
 * @throws RedisUnfitError where an eviction policy is set at the first check and `allowEviction` is not
 */
export async function watchFitness(
  redis: Redis,
  { allowEviction, log, everyMs = 10_000 }: { allowEviction: boolean; log: Logger; everyMs?: number },
): Promise<Fitness> {
  let warnings = await readWarnings(redis)
  const evicts = warnings.find(({ code }) => code === 'redis_evicts')
  if (evicts && !allowEviction) throw new RedisUnfitError(`${evictionOf(evicts)}, or ALLOW_EVICTION=1 to run with it`)
  for (const { code, detail } of warnings) log.warn({ code }, detail)
  let checking: Promise<void> | undefined
  const check = async () => {
    try {
      const before = new Set(warnings.map(({ code }) => code))
      const now = await readWarnings(redis)
      for (const { code, detail } of now) if (!before.delete(code)) log.warn({ code }, detail)
      for (const code of before) log.info({ code }, 'Redis is configured well again')
      warnings = now
    } catch (error) {
      log.debug({ err: error }, 'failed to check how Redis is configured; the next check retries')
    }
  }
  const timer = setInterval(() => {
    checking ??= check().finally(() => {
      checking = undefined
    })
  }, everyMs)
  return {
    warnings: () => warnings,
    stop: async () => {
      clearInterval(timer)
      await checking
    },
  }
}

const evictionOf = ({ detail }: Warning): string => detail.replace('Redis: ', '')

/** What is wrong, and what could not be checked. */
async function readWarnings(redis: Redis): Promise<Warning[]> {
  const warnings: Warning[] = []
  const policies = await valuesOf(redis, 'memory', 'maxmemory_policy')
  const evicting = policies?.find((policy) => policy !== 'noeviction')
  if (evicting !== undefined) {
    const detail = `Redis: its maxmemory-policy is ${evicting}, so it may remove jobs and leases when its memory is full: set noeviction`
    warnings.push({ code: 'redis_evicts', detail })
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
