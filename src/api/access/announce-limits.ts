import type { Logger } from 'pino'
import type { TenantLimits, WrittenLimits } from '../../queue/admission/tenant-limits.ts'
import type { ApiKeys } from './api-keys.ts'

const lookEveryMs = 1000
/** Written again as often, in case Redis has lost them, or another API with an older file was the last to write. */
const writeEveryMs = 60_000

/**
 * Writes the limits of waiting jobs and bytes from the keys file to Redis, at once and whenever the file changes, for the processes that release
 * jobs of flows and schedules. @returns what ends that, once they are written or could not be: a flow that is submitted then is held to them
 */
export async function announceLimits(apiKeys: ApiKeys, limits: TenantLimits, log: Logger): Promise<() => void> {
  let written: { limits: WrittenLimits; incarnation: number; at: number } | undefined
  const look = async () => {
    const current = apiKeys.quotas
    const { incarnation } = limits
    const isWritten = written?.limits === current && written.incarnation === incarnation
    if (isWritten && performance.now() - (written?.at ?? 0) < writeEveryMs) return
    written = { limits: current, incarnation, at: performance.now() }
    try {
      await limits.write(current)
    } catch (error) {
      written = undefined
      log.debug({ err: error }, 'failed to write the limits of tenants; the next look retries')
    }
  }
  await look()
  const timer = setInterval(() => void look(), lookEveryMs)
  return () => clearInterval(timer)
}
