import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from './scenario.ts'

/** A client that was refused asks again so much later: a pace, as a client has one. */
const paceMs = 25

/**
 * Clients that each submit a job, wait for its end, and submit the next. Every second one only takes its 202. Returns their
 * stop, which resolves to how many jobs were accepted.
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
      const [on, work, submitOptions] = options.next(n)
      const id = await scenario.submit(on, work, submitOptions ?? (n % 2 === 0 ? { waitS: 5 } : {}))
      if (id !== undefined) accepted++
      if (n % 2 === 1 || id === undefined) await sleep(paceMs)
    }
  }
  const clients = Array.from({ length: options.clients }, client)
  return async () => {
    stop.abort()
    await Promise.all(clients)
    return accepted
  }
}
