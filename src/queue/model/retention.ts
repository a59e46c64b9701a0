import type { JobEnd } from './job-states.ts'

/** How long ended jobs and flows are kept at the latest, in ms: failed ones, and all others. Jobs may have a retention of their own. */
export interface Retention {
  resultTtlMs: number
  failedTtlMs: number
}

/** How long an ended job or flow is kept at the latest; `keepMs`: its own retention, however it ends. As retention.lua has it. */
export function keptForMs(end: JobEnd, { resultTtlMs, failedTtlMs }: Retention, keepMs?: number): number {
  return keepMs ?? (end === 'failed' ? failedTtlMs : resultTtlMs)
}
