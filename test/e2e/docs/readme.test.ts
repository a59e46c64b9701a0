import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { startStack } from '../../helpers/stack.ts'

const document = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')

/** The first block of code in `language` whose text contains `part`. */
function block(language: string, part: string): string {
  const blocks = Array.from(document.matchAll(/^```(\w+)\n([^]*?)^```$/gm), ([, tag, code = '']) => ({ tag, code }))
  const found = blocks.find(({ tag, code }) => tag === language && code.includes(part))
  if (found === undefined) throw new Error(`README.md has no block in ${language} with "${part}"`)
  return found.code
}

test('the commands of README.md print what it shows', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-readme-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'word-count.ts'), block('ts', "type: 'word-count'"))
  const { api } = await startStack({ env: { JOBS_DIR: folder } })
  const run = async (script: string): Promise<string> => {
    const here = script.replaceAll('http://127.0.0.1:3000', api.url)
    const { stdout } = await promisify(execFile)('bash', ['-ec', here], { timeout: 120_000 })
    return stdout
  }

  const session = block('console', 'count-primes').split('\n$ ')[1] ?? ''
  expect(await run(session.slice(0, session.indexOf('\n{')))).toMatch(/"state":"succeeded".*"count":348513/)
  expect(await run(block('sh', '/events'))).toMatch(/event: snapshot[^]*event: progress[^]*event: done/)
  expect(await run(block('sh', '/cancel'))).toMatch(/"state":"canceled".*"run":2/)
  expect(await run(block('sh', '"word-count"'))).toMatch(/"state":"succeeded".*"output":{"words":[1-9]/)
  expect(JSON.parse(await run(block('sh', '/v1/flows')))).toMatchObject({ state: 'succeeded', done: true })
})
