import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs')

/** Runs one file of fixtures/ in a Vitest process of its own and returns the lines that it prints. */
async function run(fixture: string): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--root=.', '--config=test/processes/fixtures/vitest.config.ts', `fixtures/${fixture}.ts`],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } },
  )
  const [printed] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return printed.trim().split('\n')
}

test('a run names each test that passed only in its retry, and counts it as passed', async () => {
  const lines = await run('flaky-run')
  expect(lines.slice(-2)).toEqual([
    String.raw`1 flaky: "test/processes/fixtures/flaky-run.ts > a group > passes when it is \"retried\", once"`,
    '2 passed, 1 failed, 1 skipped',
  ])
})

test('a run without retries closes with the counts alone', async () => {
  expect(await run('steady-run')).toEqual(['1 passed, 0 failed'])
})
