import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { findRedisServer } from '../../src/dev/find-redis.ts'
import type { Row, RowResult } from './row.ts'

const page = new URL('../../docs/faults.md', import.meta.url)
const begin = '<!-- ledger -->'
const end = '<!-- /ledger -->'

/** A row that was run (`result`), could not run here (`missing`), or broke (`fault`). */
export interface RowReport {
  row: Row
  seed: number
  result?: RowResult
  missing?: string
  fault?: string
}

const columns = [
  'row',
  'what happens',
  'accepted',
  'lost',
  'ended twice',
  'started more than once',
  'longest recovery',
  'API p99',
  'seed',
]

/** The rows that ran, as a table of Markdown. */
export function table(reports: readonly RowReport[]): string {
  return asTable(reports.flatMap((report) => lineOf(report)))
}

function asTable(lines: readonly string[]): string {
  return [`| ${columns.join(' | ')} |`, `| ${columns.map(() => '---').join(' | ')} |`, ...lines].join('\n')
}

function lineOf({ row, seed, result }: RowReport): string[] {
  if (!result) return []
  const { accepted, lost, endedTwice, startedTwice, recoveryMs, p99Ms, note } = result
  const title = note === '' ? row.title : `${row.title} (${note})`
  const lostText = row.isLossy ? `${lost} (Redis lost them)` : lost
  const times = [seconds(recoveryMs), ms(p99Ms)]
  const cells = [`\`${row.name}\``, title, accepted, lostText, endedTwice, startedTwice, ...times, seed]
  return [`| ${cells.join(' | ')} |`]
}

/**
 * Writes the rows that ran into the table of docs/faults.md; others keep what an earlier run has measured. `rows`: all rows, in their
 * order.
 */
export async function writePage(reports: readonly RowReport[], rows: readonly Row[]): Promise<void> {
  const text = await readFile(page, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  const known = text.slice(from, to).split('\n')
  const lines = rows.flatMap((row) => {
    const report = reports.find((one) => one.row === row)
    const before = known.filter((line) => line.replaceAll(' ', '').startsWith(`|\`${row.name}\`|`))
    return report?.result ? lineOf(report) : before
  })
  const parts = [begin, describeRun(), asTable(lines)]
  await writeFile(page, `${text.slice(0, from)}${parts.join('\n\n')}\n\n${text.slice(to)}`)
}

function describeRun(): string {
  const redis = findRedisServer()
  const date = new Date().toISOString().slice(0, 10)
  const machine = `${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(0)}`
  return `Last run on ${date}: ${machine}, Redis ${redis?.version}, Node.js ${process.versions.node}.`
}

function seconds(duration: number): string {
  return `${(duration / 1000).toFixed(1)} s`
}

/** NaN: nothing was measured. */
function ms(duration: number): string {
  if (Number.isNaN(duration)) return 'none asked'
  return duration >= 1000 ? seconds(duration) : `${Math.round(duration)} ms`
}
