import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')

test('the test in docs/testing-job-types.md passes', { timeout: 60_000 }, async () => {
  const [, code = ''] =
    /^```ts\n(.*?)^```$/ms.exec(await readFile(join(root, 'docs/testing-job-types.md'), 'utf8')) ?? []
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'split-words.test.ts'), code)
  const args = ['--import', './src/jobs/module-hooks.ts', '--test', join(dir, 'split-words.test.ts')]
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  expect(stdout).toMatch(/pass 2\n/)
  expect(status).toBe(0)
})
