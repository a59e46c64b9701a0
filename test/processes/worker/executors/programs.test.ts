import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isAlive, loadFixture, openExecutors, start, until } from './harness.ts'

const ways = ['unref', 'detached', 'of a shell that has ended', 'of a shell that ignores SIGTERM']
const ends = ['return', 'throw', 'wait for the signal']

async function world() {
  const dir = await mkdtemp(join(tmpdir(), 'drover-programs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const { executors, lines } = openExecutors()
  const loaded = await loadFixture('leave-programs')
  let runs = 0
  const run = async (way: string, how: string) => {
    const started = start(executors.for('process'), loaded, { way, how, file: join(dir, String(runs++)) })
    await until(() => started.logged().length === 1)
    const program = Number(started.logged()[0])
    onTestFinished(() => void (isAlive(program) && process.kill(program, 'SIGKILL')))
    return { ...started, program }
  }
  return { run, lines }
}

describe.runIf(process.platform === 'linux').each(ways)(
  'a program that a run leaves behind, started with: %s',
  (way) => {
    test('ends with the run, and the process of jobs lives on', async () => {
      const { run, lines } = await world()
      const hosts = new Set<unknown>()
      for (const how of ends) {
        const started = await run(way, how)
        const { outcome, program } = started
        if (how === 'wait for the signal') started.stop({ kind: 'canceled', graceMs: 5000 })
        const end = await outcome
        await until(() => !isAlive(program))
        if (end.status === 'returned') hosts.add(JSON.stringify(end.output))
        else expect(end).toMatchObject({ status: 'threw', failure: { message: 'failed with a program left' } })
      }
      expect(hosts.size).toBe(1)
      expect(lines).toMatchObject([{ level: 'warn', fields: { type: 'leave-programs', programs: expect.any(Number) } }])
    })

    test('ends with a kill of the run', async () => {
      const { run } = await world()
      const { program, ...started } = await run(way, 'compute')
      started.stop({ kind: 'timeout', graceMs: 0 })
      expect(await started.outcome).toEqual({ status: 'killed' })
      await until(() => !isAlive(program))
    })
  },
)
