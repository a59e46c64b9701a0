import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { keysFile, makeKey } from '../../helpers/keys-file.ts'
import { startStack } from '../../helpers/stack.ts'

/** The blocks of docs/clients.md in one language, as one program; or the one that calls a job type as a function. */
async function program(language: string, kind: 'whole' | 'one call' = 'whole'): Promise<string> {
  const text = await readFile(new URL('../../../docs/clients.md', import.meta.url), 'utf8')
  const blocks = Array.from(text.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, tag, code = '']) => ({ tag, code }))
  return blocks
    .filter(({ tag, code }) => tag === language && /^(#|\/\/) one call$/m.test(code) === (kind === 'one call'))
    .map(({ code }) => code)
    .join('\n')
}

const has = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

const clients: { language: string; file: string; command: string; args: string[]; here: boolean }[] = [
  { language: 'sh', file: 'client.sh', command: 'sh', args: ['-eu'], here: has('curl', '--version') },
  { language: 'ts', file: 'client.ts', command: process.execPath, args: [], here: true },
  { language: 'python', file: 'client.py', command: 'python3', args: [], here: has('python3', '--version') },
  { language: 'go', file: 'client.go', command: 'go', args: ['run'], here: has('go', 'version') },
]

const oneCalls = [
  ...clients.map((client) => ({ ...client, args: client.args.filter((arg) => arg !== '-eu') })),
  { language: 'java', file: 'OneCall.java', command: 'java', args: [], here: has('java', '--version') },
]

test('the documented programs that call a job type as a function print its output', { timeout: 300_000 }, async ({
  annotate,
}) => {
  const key = makeKey('acme')
  const { api } = await startStack({ env: { API_KEYS_FILE: (await keysFile([key])).path } })
  const folder = await mkdtemp(join(tmpdir(), 'drover-client-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const { language, file, command, args, here } of oneCalls) {
    const code = await program(language, 'one call')
    expect(code, language).not.toBe('')
    if (!here) {
      await annotate(`skipped ${language}: ${command} is not on this machine`)
      continue
    }
    await writeFile(join(folder, file), code)
    const call = (drover: string) =>
      promisify(execFile)(command, [...args, join(folder, file)], {
        env: { ...process.env, DROVER_URL: api.url, DROVER_KEY: drover },
        timeout: 200_000,
      })
    expect((await call(`${key.id}.${key.secret}`)).stdout, language).toMatch(/25\D+97/)
    await expect(call('none'), language).rejects.toMatchObject({ killed: false })
  }
})

for (const { language, file, command, args, here } of clients) {
  test.skipIf(!here)(
    `the documented client in ${language} submits, streams, waits and cancels`,
    // A first `go run` compiles the standard library: half a minute of CPU time, and longer on a busy machine.
    { timeout: 300_000 },
    async () => {
      const key = makeKey('acme')
      const { api } = await startStack({ env: { API_KEYS_FILE: (await keysFile([key])).path } })
      const folder = await mkdtemp(join(tmpdir(), 'drover-client-'))
      onTestFinished(() => rm(folder, { recursive: true }))
      await writeFile(join(folder, file), await program(language))
      const env = { ...process.env, DROVER_URL: api.url, DROVER_KEY: `${key.id}.${key.secret}` }
      const { stdout, stderr } = await promisify(execFile)(command, [...args, join(folder, file)], {
        env,
        timeout: 280_000,
      })
      expect(stderr).toBe('')
      expect(stdout.match(/^(event: )?snapshot/gm)).toHaveLength(1)
      expect(stdout.match(/^(event: )?progress/gm)).toHaveLength(3)
      expect(stdout.match(/^(event: )?done/gm)).toHaveLength(1)
      expect(stdout).toMatch(/slept_ms\W+900/)
      expect(stdout).toMatch(/canceled/)
    },
  )
}

for (const { language, file, command, args, here } of clients.filter((client) => client.language !== 'sh')) {
  test.skipIf(!here)(
    `the documented client in ${language} resumes a stream after 408, 429 and 503, and ends at any other 4xx`,
    { timeout: 300_000 },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'drover-client-'))
      onTestFinished(() => rm(folder, { recursive: true }))
      await writeFile(join(folder, file), await program(language))
      for (const final of language === 'go' ? [401] : [401, 403, 404, 410]) {
        const answers = final === 401 ? [408, 429, 503, final] : [final]
        const asked: number[] = []
        const server = createServer((request, response) => {
          const isSubmit = request.method === 'POST'
          const status = isSubmit ? 202 : (answers[asked.length] ?? 500)
          if (!isSubmit) asked.push(status)
          request.resume()
          response.writeHead(status, { 'content-type': 'application/json' })
          response.end(
            JSON.stringify(isSubmit ? { id: 'io_1', done: false } : { code: 'refused', detail: 'no stream' }),
          )
        }).listen(0, '127.0.0.1')
        onTestFinished(() => void server.close())
        await once(server, 'listening')
        const { port } = server.address() as AddressInfo
        const env = { ...process.env, DROVER_URL: `http://127.0.0.1:${port}`, DROVER_KEY: 'a.b' }
        const ran = promisify(execFile)(command, [...args, join(folder, file)], { env, timeout: 120_000 })
        await expect(ran, `${final}`).rejects.toMatchObject({ killed: false })
        expect(asked).toEqual(answers)
      }
    },
  )
}
