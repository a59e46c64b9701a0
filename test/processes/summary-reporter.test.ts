import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const vitest = [join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs'), 'run']
/** `npm test`. */
const repeating = ['test/run.ts']

/** Runs files of fixtures/ in a Vitest process of its own and returns its exit code and the lines that it prints. */
async function run(program: string[], fixtures: string[], env: Record<string, string> = {}) {
  const files = fixtures.map((name) => `fixtures/${name}.ts`)
  const child = spawn(
    process.execPath,
    [...program, '--root=.', '--config=test/processes/fixtures/vitest.config.ts', ...files],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], ...env } },
  )
  const [printed, , [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: Number(code), lines: printed.trim().split('\n') }
}

const error = 'AssertionError: expected 1 to be 2 // Object.is equality (test/processes/fixtures/flaky-run.ts:15)'

test('a run names each test that passed only in its retry, with its first error, and counts it as passed', async () => {
  const { code, lines } = await run(vitest, ['flaky-run'])
  expect(code).toBe(1)
  expect(lines.slice(-3)).toEqual([
    String.raw`retried: "test/processes/fixtures/flaky-run.ts > a group > passes when it is \"retried\", once": ${error}`,
    String.raw`1 flaky: "test/processes/fixtures/flaky-run.ts > a group > passes when it is \"retried\", once"`,
    '2 passed, 1 failed, 1 skipped',
  ])
})

test('a run without retries closes with the counts alone', async () => {
  expect(await run(vitest, ['steady-run'])).toEqual({ code: 0, lines: ['1 passed, 0 failed'] })
})

test('npm test runs a file that failed once more alone, and names what passed then', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-alone-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const env = { FAILS_UNTIL: join(folder, 'failed') }
  const { code, lines } = await run(repeating, ['alone-run', 'steady-run'], env)
  const name = '"test/processes/fixtures/alone-run.ts > passes in its third run"'
  expect([code, ...lines.slice(-4)]).toEqual([
    0,
    expect.stringContaining(`failed before it ran alone: ${name}: AssertionError: expected false to be true`),
    `1 passed alone: ${name}`,
    `1 flaky: ${name}`,
    '2 passed, 0 failed',
  ])
})

test('npm test fails when a test fails alone, too', async () => {
  const { code, lines } = await run(repeating, ['flaky-run', 'steady-run'])
  expect(code).toBe(1)
  expect(lines.filter((line) => line.startsWith('Once more, alone:'))).toHaveLength(1)
  expect(lines.at(-1)).toBe('3 passed, 1 failed, 1 skipped')
})
