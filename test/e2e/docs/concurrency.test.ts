import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { startStack } from '../../helpers/stack.ts'

/** Each `sh` block of a document with its expected output from the `text` block after it: lines in order, `…` for anything. */
function examples(document: string): { heading: string; script: string; printed: string[] }[] {
  const found: { heading: string; script: string; printed: string[] }[] = []
  let heading = ''
  for (const [, title, language, block = ''] of document.matchAll(/^## (.+)$|^```(sh|text)\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title
    else if (language === 'sh') found.push({ heading, script: block, printed: [] })
    else found.at(-1)?.printed.push(...block.trimEnd().split('\n'))
  }
  return found
}

const document = await readFile(new URL('../../../docs/concurrency.md', import.meta.url), 'utf8')

function asPattern(line: string): RegExp {
  return new RegExp(
    line
      .split('…')
      .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`))
      .join('.*?'),
  )
}

test('the commands of docs/concurrency.md print what it shows', { timeout: 120_000 }, async () => {
  const { api } = await startStack()
  const [functions, ...calls] = examples(document)
  expect(calls.length).toBeGreaterThanOrEqual(11)
  for (const { heading, script, printed } of calls) {
    const bash = spawn('bash', ['-ec', `${functions?.script}\n${script}`], {
      env: { PATH: process.env['PATH'] ?? '', DROVER_URL: api.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(bash, 'close')
    const [stdout, stderr] = await Promise.all([text(bash.stdout), text(bash.stderr)])
    await ended
    let rest = stdout
    expect(printed.length, heading).toBeGreaterThan(0)
    for (const line of printed) {
      const match = asPattern(line).exec(rest)
      expect(match, `${heading}: "${line}" in: ${rest} ${stderr}`).not.toBeNull()
      rest = rest.slice((match?.index ?? 0) + (match?.[0].length ?? 0))
    }
  }
})
