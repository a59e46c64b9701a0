import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

/** Timers fire up to a millisecond late, so the last part of a wait polls the clock. */
const spunMs = 1.5

/**
 * Open loop: calls `send` at a fixed rate, also while earlier calls are pending. Resolves when all have ended, to the duration
 * of each in ms, counted from when it was due: a generator that falls behind makes its figures worse, not better.
 */
export async function pace(perS: number, count: number, send: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = []
  const calls: Promise<void>[] = []
  const from = performance.now()
  const measure = async (due: number) => {
    await send()
    took.push(performance.now() - due)
  }
  for (let n = 0; n < count; n++) {
    const due = from + (n * 1000) / perS
    const early = due - performance.now() - spunMs
    if (early > 0) await sleep(early)
    while (performance.now() < due) await turn()
    calls.push(measure(due))
  }
  await Promise.all(calls)
  return took
}

/** Closed loop: `wide` callers that each send the next call after an answer, `count` calls in all. Resolves to calls per second. */
export async function closedLoop(wide: number, count: number, send: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  let left = count
  const caller = async () => {
    while (left-- > 0) await send()
  }
  await Promise.all(Array.from({ length: wide }, caller))
  return (count * 1000) / (performance.now() - from)
}

/** The value below which `share` (0 to 1) of the samples lie. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
}
