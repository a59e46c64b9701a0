import type { Job } from './define-job.ts'

/** The keys by which jobs of a type wait for each other, for one input. */
export interface SchedulingOfType {
  concurrency?: { key: string; limit: number | undefined; onFull: 'wait' | 'reject' | 'replace' | undefined }
  rate?: { key: string; limit: number; perMs: number; burst: number | undefined }
  fairnessKey?: string
}

/** Whether a type has any. */
export const hasScheduling = (job: Pick<Job, 'concurrency' | 'rate' | 'fairnessKey'>): boolean =>
  Boolean(job.concurrency || job.rate || job.fairnessKey)

/** @param input as the schema of the type has parsed it. @throws what the functions of the type throw */
export function schedulingOfType(
  { concurrency, rate, fairnessKey }: Pick<Job, 'concurrency' | 'rate' | 'fairnessKey'>,
  input: unknown,
): SchedulingOfType {
  const concurrencyKey = concurrency?.key(input)
  const rateKey = rate?.key(input)
  const share = fairnessKey?.(input)
  return {
    ...(concurrency &&
      concurrencyKey !== undefined && {
        concurrency: { key: concurrencyKey, limit: concurrency.limit, onFull: concurrency.onFull },
      }),
    ...(rate &&
      rateKey !== undefined && {
        rate: { key: rateKey, limit: rate.limit, perMs: rate.perMs, burst: rate.burst },
      }),
    ...(share !== undefined && { fairnessKey: share }),
  }
}
