import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import type { JobContext } from './job-context.ts'

/** Longest time without returning to the event loop, where the abort signal arrives. */
const sliceMs = 20

const behaviors = ['finish', 'spin', 'exhaust_memory', 'throw'] as const

const descriptions = {
  duration_ms: 'How long `finish` computes',
  steps: 'How many progress events `finish` sends, evenly spread',
}

/** The input of both burn jobs; `behavior` is what to do with the thread or process. */
export const burnInput = z.strictObject({
  duration_ms: z.int().min(0).max(600_000).default(1000).describe(descriptions.duration_ms),
  steps: z.int().min(1).max(1000).default(10).describe(descriptions.steps),
  behavior: z.enum(behaviors).default('finish'),
})

/** The same for a process: `crash` aborts it. */
export const isolatedBurnInput = burnInput.extend({ behavior: z.enum([...behaviors, 'crash']).default('finish') })

export const burnOutput = z.strictObject({ burned_ms: z.int().describe('Measured, so at least duration_ms') })

/** Above the longest duration, so that only the caller's `timeout_ms` ends a burn early. */
export const burnTimeoutMs = 660_000

/**
 * Computes for `duration_ms`, with a progress event after each step. `spin` never returns and never looks at the signal,
 * `exhaust_memory` allocates JavaScript heap until the engine gives up, `throw` and `crash` act at once.
 *
 * @throws the signal's reason, at most 20 ms after it aborts.
 */
export async function burn(
  { duration_ms, steps, behavior }: z.output<typeof isolatedBurnInput>,
  job: JobContext,
): Promise<z.output<typeof burnOutput>> {
  if (behavior !== 'finish') {
    // The last event before the handler blocks or dies: it tells watchers that the run has begun.
    job.progress(0, behavior)
    return misbehave[behavior]()
  }
  return { burned_ms: Math.round(await burnSteps(duration_ms, steps, job)) }
}

async function burnSteps(durationMs: number, steps: number, job: JobContext): Promise<number> {
  const startedAt = performance.now()
  for (let step = 1; step <= steps; step++) {
    const stepEndsAt = startedAt + (durationMs * step) / steps
    do {
      compute(Math.min(stepEndsAt, performance.now() + sliceMs))
      await setImmediate()
      job.signal.throwIfAborted()
    } while (performance.now() < stepEndsAt)
    job.progress(step / steps, `step ${step} of ${steps}`)
  }
  return performance.now() - startedAt
}

function compute(until: number): void {
  let value = 1
  while (performance.now() < until) {
    for (let i = 0; i < 1000; i++) value = Math.sqrt(value + i)
  }
}

function spin(): never {
  for (;;) compute(performance.now() + 1000)
}

/** Allocates small objects, since typed arrays and long strings may be outside the limited heap. */
function exhaustMemory(): never {
  const kept: object[][] = []
  for (;;) kept.push(Array.from({ length: 1000 }, (_, index) => ({ index })))
}

function throwAsAsked(): never {
  throw new Error('thrown as asked')
}

const misbehave = { spin, exhaust_memory: exhaustMemory, throw: throwAsAsked, crash: () => process.abort() }
