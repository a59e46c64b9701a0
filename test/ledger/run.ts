/**
 * The fault ledger: `npm run faults` runs every row and writes the table of docs/faults.md, `npm run faults -- --row worker-sigkill --seed 7`
 * runs one row (or several, separated by commas); with `--write` they go into the table, too. Needs an installed Redis, not Docker. Exits with 1 if a row broke a promise.
 */
import { parseArgs } from 'node:util'
import { type RowReport, table, writePage } from './page.ts'
import type { Row } from './row.ts'
import { apiRows } from './rows/api.ts'
import { clockRows } from './rows/clocks.ts'
import { descriptorRows } from './rows/descriptors.ts'
import { executorRows } from './rows/executors.ts'
import { networkRows } from './rows/network.ts'
import { redisRows } from './rows/redis.ts'
import { storageRows } from './rows/storage.ts'
import { topologyRows } from './rows/topology.ts'
import { valkeyRows } from './rows/valkey.ts'
import { versionRows } from './rows/versions.ts'
import { webhookRows } from './rows/webhooks.ts'
import { workerRows } from './rows/workers.ts'
import { runRow } from './run-row.ts'

const rows = [
  ...workerRows,
  ...executorRows,
  ...apiRows,
  ...redisRows,
  ...valkeyRows,
  ...storageRows,
  ...networkRows,
  ...descriptorRows,
  ...webhookRows,
  ...clockRows,
  ...topologyRows,
  ...versionRows,
]
const rowWithinMs = 200_000

const { values } = parseArgs({
  options: {
    row: { type: 'string' },
    seed: { type: 'string', default: '1' },
    list: { type: 'boolean' },
    write: { type: 'boolean' },
  },
})
const seed = Number(values.seed)
if (!Number.isSafeInteger(seed)) throw new RangeError('--seed is a whole number')
const chosen = values.row === undefined ? rows : rows.filter(({ name }) => values.row?.split(',').includes(name))
if (chosen.length === 0)
  throw new RangeError(`there is no row ${values.row}: ${rows.map(({ name }) => name).join(', ')}`)
if (values.list) {
  for (const { name, title } of rows) console.log(`${name}: ${title}`)
  process.exit()
}

async function run(row: Row): Promise<RowReport> {
  const missing = row.isMissing?.()
  if (missing !== undefined) return { row, seed, missing }
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`took longer than ${rowWithinMs} ms`)), rowWithinMs)
  try {
    return { row, seed, result: await Promise.race([runRow(row, seed), late.promise]) }
  } catch (error) {
    return { row, seed, fault: error instanceof Error ? error.message : 'unknown' }
  } finally {
    clearTimeout(timer)
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))

const reports: RowReport[] = []
for (const row of chosen) {
  const begun = performance.now()
  const report = await run(row)
  reports.push(report)
  if (values.write || values.row === undefined) await writePage(reports, rows)
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  console.log(`${row.name} (${seconds} s): ${JSON.stringify(report.result ?? report.missing ?? report.fault)}`)
}
console.log(table(reports))
const isBroken = ({ row, result, fault }: RowReport) =>
  fault !== undefined || (result && (result.endedTwice > 0 || (result.lost > 0 && !row.isLossy)))
process.exit(reports.some(isBroken) ? 1 : 0)
