import { waitFor } from '../helpers/wait-for.ts'
import type { Scenario } from '../ledger/scenario.ts'

/** How long a busy machine may take for a fail-over that is set to two seconds. */
const failOverWithinMs = 30_000

/** What clients saw of a fault. */
export interface Outage {
  /** From the fault until a job was accepted again. */
  refusedMs: number
  /** How many requests of one client were refused meanwhile. */
  refused: number
  /** The longest that one of them took, refused or not. */
  slowestAnswerMs: number
}

/**
 * Does something bad to Redis under load, and writes it down as lasting until jobs are accepted again. Beside the load, one
 * client looks how fast it is refused.
 */
export async function outage(scenario: Scenario, act: () => Promise<unknown>): Promise<Outage> {
  const from = Date.now()
  const found: Outage = { refusedMs: 0, refused: 0, slowestAnswerMs: 0 }
  await scenario.fault('redis_away', {}, async () => {
    await act()
    await waitFor(
      'a job to be accepted again',
      async () => {
        const started = performance.now()
        const id = await scenario.submit('event-loop', {})
        found.slowestAnswerMs = Math.max(found.slowestAnswerMs, Math.round(performance.now() - started))
        if (id === undefined) found.refused += 1
        return id
      },
      (id) => id !== undefined,
      { withinMs: failOverWithinMs },
    )
  })
  found.refusedMs = Date.now() - from
  return found
}
