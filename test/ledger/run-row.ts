import { checkLedger } from './check-ledger.ts'
import { Clients } from './clients.ts'
import type { EntryOf, LedgerEntry } from './ledger-entry.ts'
import type { Row, RowResult } from './row.ts'
import { recordStoredEnds } from './stored-ends.ts'
import { type Fault, World } from './world.ts'

const acceptedBefore = 40
const acceptedAfter = 20
/** How long jobs may take to end when the faults are over. One that has not ended then is lost. */
const recoveryBoundMs = 20_000

/** Runs a row in a world of its own. @throws Error if the service does not serve again after the fault */
export async function runRow(row: Row, seed: number): Promise<RowResult> {
  const world = await World.open({ ...row.setup, seed })
  let clients: Clients | undefined
  try {
    await row.prepare?.(world)
    clients = new Clients(world, await row.webhook?.(world))
    const prefix = world.env['KEY_PREFIX'] ?? ''
    const stopped = await recordStoredEnds({
      url: world.env['REDIS_URL'] ?? '',
      prefix,
      queues: ['io', 'cpu'],
      ledger: world.ledger,
    })
    world.onClose(stopped)
    clients.start(row.clients ?? 10)
    await clients.moreAccepted(acceptedBefore)
    await row.cause(world, clients)
    await clients.moreAccepted(acceptedAfter)
    await clients.stop()
    await clients.readAll(recoveryBoundMs, row.isLossy ?? false)
    const extra = await row.check?.(world, clients)
    const report = checkLedger(whatCounts(clients.entries(), world.faults, row), {
      lockMs: Number(world.env['LOCK_MS']),
    })
    const recoveryMs = clients.recoveryMs()
    for (const { rule, id, detail } of report.problems) {
      if (rule === 'ended_twice' || (rule === 'lost' && !row.isLossy))
        console.error(`  ${row.name}: ${rule} ${id}: ${detail}`)
    }
    return {
      accepted: report.accepted,
      lost: report.lost + (extra?.lost ?? 0),
      endedTwice: report.endedTwice + (extra?.endedTwice ?? 0),
      startedTwice: report.runTwice,
      recoveryMs,
      p99Ms: clients.p99(recoveryMs),
      unanswered: report.unanswered,
      note: extra?.note ?? '',
    }
  } finally {
    // A row that breaks leaves its clients running.
    await Promise.all([clients?.stop(), world.close()])
  }
}

/** Without the ends that were seen before Redis lost its data: what it has forgotten happens again. */
function whatCounts(entries: readonly LedgerEntry[], faults: readonly Fault[], { isLossy }: Row): LedgerEntry[] {
  const lostAt = isLossy ? Math.max(...faults.map(({ until }) => until)) : 0
  return entries.filter(
    (entry) => !(isLossy && entry.kind === 'read' && entry.status === 404) && (isEnd(entry) ? entry.at > lostAt : true),
  )
}

function isEnd(entry: LedgerEntry): entry is EntryOf<'read' | 'stored'> {
  return entry.kind === 'read' || entry.kind === 'stored'
}
