import { decodeTime } from 'ulid'
import { ulidOf } from '../../src/queue/model/job-id.ts'
import { waitFor } from '../helpers/wait-for.ts'
import type { LedgerReport } from '../ledger/check-ledger.ts'
import type { Scenario } from '../ledger/scenario.ts'

/** How long a busy machine may take for a fail-over that is set to two seconds. */
const failOverWithinMs = 30_000

/** Replication is asynchronous: on a machine that is busy with other things, replicas were seen 0.8 s behind. */
const replicationLagMs = 5000

/** What clients saw of a fault. */
export interface Outage {
  /** When it happened, in epoch ms. */
  from: number
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
 * The problems of a master's death that its replicas do not explain: of jobs that they had, or that were submitted after it. Jobs of
 * the last moments before may be gone or run again: docs/durability.md says what bounds that.
 */
export function unexplained({ problems }: LedgerReport, { from }: Outage): LedgerReport['problems'] {
  return problems.filter(({ id }) => {
    const createdAt = decodeTime(ulidOf(id).toUpperCase())
    return createdAt < from - replicationLagMs || createdAt > from
  })
}
