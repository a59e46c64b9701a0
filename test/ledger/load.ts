import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type { Scenario } from './scenario.ts'

/** Delay before a refused client tries again. */
const paceMs = 25

/**
 * Clients that each submit a job, wait for its end, and submit the next. Every second submission only waits for its 202. Returns a
 * function that stops the clients and resolves to the number of accepted jobs.
 */
export function startLoad(
  scenario: Scenario,
  options: { clients: number; next(n: number): Parameters<Scenario['submit']> },
): () => Promise<number> {
  const stop = new AbortController()
  let asked = 0
  let accepted = 0
  const client = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const n = asked++
      const [on, work, wait] = options.next(n)
      const id = await scenario.submit(on, work, wait ?? (n % 2 === 0 ? { waitS: 5 } : {}))
      if (id !== undefined) accepted++
      if (n % 2 === 1 || id === undefined) await sleep(paceMs)
    }
  }
  // A test that fails does not call the returned function: its clients must not append to a ledger that is being removed.
  onTestFinished(() => stop.abort())
  const clients = Array.from({ length: options.clients }, client)
  return async () => {
    stop.abort()
    await Promise.all(clients)
    return accepted
  }
}
