/** When something was submitted, first started and ended, in epoch ms. `startedAt` is undefined where it never started, or has no start. */
export interface Timing {
  since: number
  startedAt?: number | undefined
  endedAt: number | undefined
}

/**
 * What a wait was for, as a `Server-Timing` header (https://www.w3.org/TR/server-timing/): ms in the queue, of the run (with its retries),
 * and in total.
 */
export function serverTiming({ since, startedAt, endedAt = since }: Timing): string {
  const metric = (name: string, from: number, to: number) => `${name};dur=${Math.max(0, to - from)}`
  const total = metric('total', since, endedAt)
  if (startedAt === undefined) return total
  return `${metric('queue', since, startedAt)}, ${metric('run', startedAt, endedAt)}, ${total}`
}
