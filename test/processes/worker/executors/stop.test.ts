import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findPlace, fixtureFile, isAlive, loadFixture, openExecutors, poolKinds, start, until } from './harness.ts'

describe.each(poolKinds)('in a %s', (kind) => {
  test('a job that follows its signal ends by itself, and its host is kept', async () => {
    const { executors } = openExecutors()
    const before = await findPlace(executors.for(kind))
    const run = start(executors.for(kind), await loadFixture('wait-for-stop'))
    await until(() => run.logged().includes('waiting'))
    run.stop({ kind: 'timeout' })
    expect(await run.outcome).toEqual({ status: 'returned', output: { name: 'AbortError', code: 'timeout' } })
    expect(run.logged()).toEqual(['waiting', 'stopping'])
    expect((await findPlace(executors.for(kind))).host).toBe(before.host)
  })

  test('a job may throw its abort reason', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('wait-for-stop'), { howToEnd: 'throw' })
    await until(() => run.logged().includes('waiting'))
    run.stop()
    const failure = { code: 'canceled', message: 'the job was canceled', retryable: true }
    expect(await run.outcome).toEqual({ status: 'threw', failure })
  })

  test('a job that does not end in time is killed', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('wait-for-stop'), { howToEnd: 'never' })
    await until(() => run.logged().includes('waiting'))
    run.stop({ graceMs: 100 })
    expect(await run.outcome).toEqual({ status: 'killed' })
    expect(run.logged()).toContain('still here')
  })

  test.each([0, 100])(
    'a job that spins is killed after a grace of %i ms, and its place is free at once',
    async (graceMs) => {
      const { executors } = openExecutors()
      const before = await findPlace(executors.for(kind))
      const run = start(executors.for(kind), await loadFixture('spin'))
      const next = findPlace(executors.for(kind))
      await until(() => run.logged().length === 1)
      const stoppedAt = performance.now()
      run.stop({ graceMs })
      expect(await run.outcome).toEqual({ status: 'killed' })
      expect(performance.now() - stoppedAt).toBeLessThan(graceMs + 1500)
      expect((await next).host).not.toBe(before.host)
    },
  )

  test('a job that computes without a pause can read its signal', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('spin'), { looksAtSignal: true })
    await until(() => run.logged().length === 1)
    run.stop({ graceMs: 5000 })
    expect(await run.outcome).toMatchObject({ status: 'returned' })
  })

  test('the finally blocks of a stopped generator run', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('count-up'), { to: 1e9 }, () => new Promise(() => {}))
    await until(() => run.logged().includes('pulled 16'))
    run.stop()
    expect(await run.outcome).toMatchObject({ status: 'threw', failure: { code: 'canceled' } })
    expect(run.logged().at(-1)).toBe('finally after 16')
  })

  test('a job that is stopped while it waits for a host does not start', async () => {
    const { executors } = openExecutors()
    const spinning = start(executors.for(kind), await loadFixture('spin'))
    const waiting = start(executors.for(kind), await loadFixture('spin'))
    waiting.stop({ graceMs: 60_000 })
    expect(await waiting.outcome).toEqual({ status: 'killed' })
    expect(waiting.events).toEqual([])
    spinning.stop({ graceMs: 0 })
    await spinning.outcome
  })

  test('a job that was stopped before its start does not start', async () => {
    const { executors } = openExecutors()
    const loaded = await loadFixture('spin')
    const attempt = { id: 'late', type: 'spin', input: {}, attempt: 1, maxAttempts: 1, tenant: '-', hops: 0, fence: 1 }
    const outcome = await executors.for(kind).run(loaded, attempt, () => undefined, AbortSignal.abort())
    expect(outcome).toEqual({ status: 'killed' })
  })
})

test('killing a process also ends the programs that it started', async () => {
  const { executors } = openExecutors()
  const run = start(executors.for('process'), await loadFixture('start-a-program'))
  await until(() => run.logged().length === 1)
  const pid = Number(run.logged()[0])
  expect(isAlive(pid)).toBe(true)
  run.stop({ graceMs: 0 })
  await run.outcome
  await until(() => !isAlive(pid))
})

describe('a worker that runs a job in a process', () => {
  test('ends the process when it is killed, even while the job spins', async () => {
    const parent = startParent('spin')
    const child = Number(/spinning in (\d+)/.exec(await parent.lineWith('spinning in'))?.[1])
    expect(isAlive(child)).toBe(true)
    parent.process.kill('SIGKILL')
    await until(() => !isAlive(child), 3000)
  })

  test('ends the process and the programs that it started while the job waits', async () => {
    const parent = startParent('start-a-program')
    const child = Number(/"message":"(\d+)"/.exec(await parent.lineWith('"log"'))?.[1])
    expect(isAlive(child)).toBe(true)
    parent.process.kill('SIGKILL')
    await until(() => !isAlive(child), 3000)
  })

  test('and is killed before the process begins: the process does not run the job', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'drover-mark-'))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const file = join(dir, 'mark')
    const parent = startParent('leave-a-mark', { file }, 'again')
    const child = Number(/"output":(\d+)/.exec(await parent.lineWith('"output"'))?.[1])
    expect(await readFile(file, 'utf8')).toBe('x')
    // Like a process that gets no CPU time on a busy machine while its worker is killed and another has the job.
    process.kill(child, 'SIGSTOP')
    parent.process.kill('SIGUSR2')
    await parent.lineWith('again')
    parent.process.kill('SIGKILL')
    await once(parent.process, 'exit')
    process.kill(child, 'SIGCONT')
    await until(() => !isAlive(child), 3000)
    expect(await readFile(file, 'utf8')).toBe('x')
  })

  test("alone receives a terminal's Ctrl-C", async () => {
    const parent = startParent('wait-for-stop')
    await parent.lineWith('waiting')
    process.kill(-(parent.process.pid ?? Number.NaN), 'SIGINT')
    expect(await parent.lineWith('status')).toContain('"code":"shutdown"')
  })
})

/** Starts fixtures/parent.ts as the leader of its own process group, as a shell does. */
function startParent(fixture: string, input: unknown = {}, ...more: string[]) {
  const args = [
    '--import',
    new URL('../../../../src/jobs/module-hooks.ts', import.meta.url).href,
    fixtureFile('parent'),
  ]
  const child: ChildProcess = spawn(process.execPath, [...args, fixtureFile(fixture), JSON.stringify(input), ...more], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  if (child.stdout) createInterface(child.stdout).on('line', (line) => lines.push(line))
  return {
    process: child,
    async lineWith(text: string): Promise<string> {
      await until(() => lines.some((line) => line.includes(text)))
      return lines.find((line) => line.includes(text)) ?? ''
    },
  }
}
