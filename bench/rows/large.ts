import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hold, startApi, submission } from '../peers/drover/peer.ts'
import { startRaw } from '../peers/raw/start.ts'
import { cpuSeconds, residentKb } from '../world.ts'
import { inTurns, type Row, scaled } from './row.ts'

const inputBytes = 1024 * 1024
const together = 16

/** What a job with an input of 1 MB costs the process that adds it: CPU time, and memory for each of those that it adds at once. */
export const large: Row = async (world, size) => {
  const count = scaled(200, size)
  const dir = await mkdtemp(join(tmpdir(), 'drover-large-'))
  const input = { text: textOf(inputBytes) }
  const file = join(dir, 'input.json')
  await writeFile(file, JSON.stringify(input))
  const api = await startApi(world, 'drover')
  await hold(world, api.port, 'io', true)
  const raw = await startRaw(world, 'raw', 1, { DATA_FILE: file })
  await raw.call('hold', { held: true })
  const call = submission(world, api.port, { type: 'echo', input })
  const sides = [
    {
      pid: api.pid,
      add: (wide: number, jobs: number) => world.load('closedLoop', { call, connections: wide, count: jobs }),
    },
    { pid: raw.pids[0] ?? 0, add: (wide: number, jobs: number) => raw.call('addTogether', { wide, count: jobs }) },
  ]
  const clear = async () => {
    for (const prefix of ['drover', 'raw']) {
      for (const key of await world.redis.keys(`${prefix}*`)) {
        if ((await world.redis.type(key)) === 'hash' && (await world.redis.hexists(key, 'data')))
          await world.redis.unlink(key)
      }
    }
  }
  const cpuMs = (n: number) => async () => {
    const side = sides[n]
    if (!side) return Number.NaN
    const before = await cpuSeconds(side.pid)
    await side.add(1, count)
    const used = ((await cpuSeconds(side.pid)) - before) * 1000
    await clear()
    return used / count
  }
  const memoryMb = (n: number) => async () => {
    const side = sides[n]
    if (!side) return Number.NaN
    const before = await residentKb(side.pid)
    await resetPeak(side.pid)
    await side.add(together, 2 * together)
    const used = (await peakKb(side.pid)) - before
    await clear()
    return used / 1024 / together
  }
  for (const [n] of sides.entries()) await cpuMs(n)()
  const memory = await inTurns(
    size.rounds,
    sides.map((_, n) => memoryMb(n)),
  )
  const cpu = await inTurns(
    size.rounds,
    sides.map((_, n) => cpuMs(n)),
  )
  for (const process of [api, raw]) await process.stop()
  await rm(dir, { recursive: true })
  const yardstick = 'raw `add`'
  return [
    {
      name: 'add 1 MB, CPU ms',
      yardstick,
      ours: cpu[0] ?? [],
      theirs: cpu[1] ?? [],
      target: { of: 'ratio', atMost: 1.5 },
    },
    {
      name: `1 MB, memory of each of ${together} at once, MB`,
      yardstick,
      ours: memory[0] ?? [],
      theirs: memory[1] ?? [],
      target: { of: 'ours', atMost: 6 },
    },
  ]
}

/** Words with an escape here and there, as text has them. */
function textOf(bytes: number): string {
  const line = 'The quick brown fox jumps over the lazy dog, "again" and again.\n'
  return line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes)
}

/** Linux: the peak of the resident memory counts from here. */
async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
}

async function peakKb(pid: number): Promise<number> {
  return Number(/^VmHWM:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
}
