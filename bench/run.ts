/**
 * `npm run bench`: Drover and its yardsticks, interleaved in one run, with the targets. Prints a table and writes it as JSON to
 * bench/results/. Exits with code 1 if a row failed. Options after `--`:
 *
 * - `--only submit,drain`: only these rows;
 * - `--rounds 5`: more rounds (3);
 * - `--quick`: a tenth of the jobs;
 * - `--base <folder>`: another checkout of Drover, with its packages installed, in place of the peers: its API and worker and
 *   ours take turns (rows submit, drain, wait-alone, wait-together and cost);
 * - `--peers`: beside other services, too (bench/peers), where they are installed;
 * - `--profile <folder>`: CPU profiles of Drover's processes go there.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { judge, type Line, table } from './report.ts'
import { backend } from './rows/backend.ts'
import { batch } from './rows/batch.ts'
import { bulk } from './rows/bulk.ts'
import { bytes } from './rows/bytes.ts'
import { chain } from './rows/chain.ts'
import { apiUnderBurn, dispatch, sleepers, twoThreads } from './rows/computing.ts'
import { cost } from './rows/cost.ts'
import { drain } from './rows/drain.ts'
import { growth } from './rows/growth.ts'
import { idleCommands } from './rows/idle-commands.ts'
import { keys } from './rows/keys.ts'
import { large } from './rows/large.ts'
import { lists } from './rows/lists.ts'
import { moment } from './rows/moment.ts'
import type { Row } from './rows/row.ts'
import { running } from './rows/running.ts'
import { fair, keyed, rated } from './rows/scheduling.ts'
import { submit } from './rows/submit.ts'
import { waitAlone, waitTogether } from './rows/wait.ts'
import { idle, streams, unwatched } from './rows/watching.ts'
import { durabilityText, openWorld } from './world.ts'

const rows: Record<string, Row> = {
  submit,
  keys,
  bulk,
  batch,
  drain,
  fair,
  keyed,
  rated,
  backend,
  'wait-alone': waitAlone,
  'wait-together': waitTogether,
  sleepers,
  'two-threads': twoThreads,
  'api-under-burn': apiUnderBurn,
  dispatch,
  streams,
  unwatched,
  idle,
  'idle-commands': idleCommands,
  lists,
  growth,
  running,
  bytes,
  chain,
  large,
  moment,
  cost,
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    quick: { type: 'boolean', default: false },
    base: { type: 'string' },
    peers: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})
const chosen = values.only?.split(',') ?? Object.keys(rows)
const unknown = chosen.filter((name) => !(name in rows))
if (unknown.length > 0)
  throw new Error(`unknown rows: ${unknown.join(', ')}; known rows: ${Object.keys(rows).join(', ')}`)
const size = { rounds: Number(values.rounds), scale: values.quick ? 0.1 : 1 }
if (!(Number.isInteger(size.rounds) && size.rounds > 0)) throw new Error('--rounds must be a whole number above 0')

const profile = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`]
const base = values.base === undefined ? undefined : resolve(values.base)
const world = await openWorld({ nodeOptions: profile, base, hasPeers: values.peers })
const machine = {
  date: new Date().toISOString(),
  cores: availableParallelism(),
  cpu: cpus()[0]?.model ?? 'unknown',
  memory_mb: Math.round(totalmem() / 1024 / 1024),
  // Other load makes every figure worse, and ratios less certain.
  load_average_before: loadavg()[0]?.toFixed(1),
  node: process.version,
  redis: world.redisVersion,
  durability: durabilityText,
  ...size,
}
for (const [name, value] of Object.entries(machine)) console.log(`${name}: ${value}`)

const lines: Line[] = []
try {
  for (const name of chosen) {
    const from = performance.now()
    try {
      const found = (await rows[name]?.(world, size)) ?? []
      lines.push(...found)
      console.log(`\n${name}, ${((performance.now() - from) / 1000).toFixed(0)} s\n${table(found)}`)
    } catch (error) {
      process.exitCode = 1
      lines.push({ name, skipped: 'failed' })
      console.error(name, error)
    }
    await world.clear()
  }
} finally {
  await world.close()
}
console.log(
  `\nmedian (minimum–maximum) of ${size.rounds} rounds; ratio: median of the ratios within each round\n\n${table(lines)}`,
)

const folder = join(import.meta.dirname, 'results')
await mkdir(folder, { recursive: true })
const file = join(folder, `${machine.date.replaceAll(/[:.]/g, '-')}.json`)
const judgedLines = lines.map((line) => ('skipped' in line ? line : { ...line, judged: judge(line) }))
await writeFile(file, `${JSON.stringify({ machine, lines: judgedLines }, null, 2)}\n`)
console.log(`\n${file}`)
