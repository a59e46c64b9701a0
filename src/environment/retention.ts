import type { z } from 'zod'
import type { Retention } from '../queue/model/retention.ts'

interface Variables {
  RESULT_TTL_MS: number
  FAILED_TTL_MS?: number | undefined
}

interface Limits {
  RESULT_MAX_COUNT?: number | undefined
  RESULT_MAX_BYTES?: number | undefined
}

/** A day. */
export const defaultResultTtlMs = 86_400_000
/** Failed jobs wait for somebody to look at them: a week. */
const defaultFailedTtlMs = 7 * defaultResultTtlMs

/** How long ended jobs are kept. Without `FAILED_TTL_MS` a `RESULT_TTL_MS` of the operator's holds for failed jobs, too. */
export function retentionOf({ RESULT_TTL_MS, FAILED_TTL_MS }: Variables): Retention {
  const otherwise = RESULT_TTL_MS === defaultResultTtlMs ? defaultFailedTtlMs : RESULT_TTL_MS
  return { resultTtlMs: RESULT_TTL_MS, failedTtlMs: FAILED_TTL_MS ?? otherwise }
}

/** Failed jobs are kept at least as long as others. */
export function refuseShortFailures({ RESULT_TTL_MS, FAILED_TTL_MS }: Variables, context: z.RefinementCtx): void {
  if (FAILED_TTL_MS === undefined || FAILED_TTL_MS >= RESULT_TTL_MS) return
  const message = `is less than RESULT_TTL_MS, ${RESULT_TTL_MS}`
  context.addIssue({ code: 'custom', path: ['FAILED_TTL_MS'], message })
}

/** How many ended jobs are kept, and how many bytes of them; undefined: any number. */
export function resultLimitsOf({ RESULT_MAX_COUNT: maxCount, RESULT_MAX_BYTES: maxBytes }: Limits) {
  return maxCount === undefined && maxBytes === undefined ? undefined : { maxCount, maxBytes }
}
