import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { defineJob } from '../../define-job.ts'

const dayMs = 24 * 3_600_000

/** Waits without computing, to try out waiting, retries, cancel and deadlines. */
export default defineJob({
  type: 'sleep',
  title: 'Wait for a while',
  description:
    'Diagnostic. Waits in equal steps, with a progress event after each. `fail_at` makes it throw at the start of a step.',
  runsOn: 'event-loop',
  input: z.strictObject({
    duration_ms: z.int().min(0).max(dayMs),
    steps: z.int().min(1).max(10_000).default(1),
    fail_at: z.int().min(0).optional().describe('Counted from 0. If not below `steps`, it never fails'),
  }),
  output: z.strictObject({ slept_ms: z.int().describe('The requested duration') }),
  // Longer than the longest duration, so that only the client's `timeout_ms` ends a sleep early.
  timeoutMs: dayMs + 60_000,
  examples: [
    { input: { duration_ms: 1000, steps: 4 }, output: { slept_ms: 1000 } },
    { input: { duration_ms: 1000, steps: 4, fail_at: 2 } },
  ],
  async run({ duration_ms, steps, fail_at }, job) {
    const startedAt = performance.now()
    for (let step = 0; step < steps; step++) {
      if (step === fail_at) throw new Error(`failed at the start of step ${step}, as asked`)
      // Measured from the start, so that timer delays do not add up over the steps.
      const stepEndsAt = startedAt + (duration_ms * (step + 1)) / steps
      const leftMs = Math.ceil(stepEndsAt - performance.now())
      if (leftMs > 0) await setTimeout(leftMs, undefined, { signal: job.signal })
      job.signal.throwIfAborted()
      job.progress((step + 1) / steps, `step ${step + 1} of ${steps}`)
    }
    return { slept_ms: duration_ms }
  },
})
