import { decodeTime } from 'ulid'
import { ulidOf } from '../../src/queue/model/job-id.ts'
import { waitFor } from '../helpers/wait-for.ts'
import type { LedgerReport } from '../ledger/check-ledger.ts'
import type { Scenario } from '../ledger/scenario.ts'

/** The maximum time of a fail-over, which is configured to two seconds, on a busy machine. */
const failOverWithinMs = 30_000

/** Replication is asynchronous: on a busy machine a lag of 0.8 s was measured. */
const replicationLagMs = 5000

/** A fault as clients saw it. */
export interface Outage {
  /** Begin of the fault, in epoch ms. */
  from: number
  /** Time from the fault until a job was accepted again. */
  refusedMs: number
  /** Number of refused requests of one client in that time. */
  refused: number
  /** Duration of the slowest of these requests, refused or not. */
  slowestAnswerMs: number
}

/**
 * Causes a fault of Redis under load, and records it as lasting until jobs are accepted again. One more client measures how fast
 * its requests are refused.
 */
export async function outage(scenario: Scenario, act: () => Promise<unknown>): Promise<Outage> {
  const from = Date.now()
  const found: Outage = { from, refusedMs: 0, refused: 0, slowestAnswerMs: 0 }
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

/**
 * The problems that the loss of a master does not explain: those of replicated jobs and of jobs submitted afterwards. Jobs of the
 * last moments before may be lost or run again: docs/durability.md has the bounds.
 */
export function unexplained({ problems }: LedgerReport, { from }: Outage): LedgerReport['problems'] {
  return problems.filter(({ id }) => {
    const createdAt = decodeTime(ulidOf(id).toUpperCase())
    return createdAt < from - replicationLagMs || createdAt > from
  })
}
