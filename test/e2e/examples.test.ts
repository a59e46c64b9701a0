import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { freePorts } from '../../src/dev/free-ports.ts'
import { browserNote, hasBrowser, openPage, startBrowser } from '../helpers/browser.ts'
import { send } from '../helpers/client.ts'
import { type LocalSite, serve } from '../helpers/local-site.ts'
import { drover } from '../helpers/run-drover.ts'
import { type Stack, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { webhookSecret } from '../helpers/webhook-receiver.ts'

// The commands of each README of examples/, and its programs, as they stand, against one stack with all their job types.

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const root = join(import.meta.dirname, '../..')
const secret = webhookSecret('e')
const { status: pythonStatus } = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))'])
const hasPython = pythonStatus === 0

let stack: Stack
/** The origin of pages of examples. */
let pages: string

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-examples-'))
  for (const file of globSync('examples/*/jobs/*.ts', { cwd: root })) {
    await writeFile(join(folder, basename(file)), `export { default } from ${JSON.stringify(join(root, file))}\n`)
  }
  if (hasPython) await cp(join(root, 'examples/python-data/jobs'), folder, { recursive: true })
  const [port = 0] = await freePorts(1)
  pages = `http://127.0.0.1:${port}`
  const stops: (() => Promise<void>)[] = []
  const env = { JOBS_DIR: folder, WEBHOOK_SECRETS: secret, TOKEN_SECRETS: 't'.repeat(32), CORS_ORIGINS: pages }
  stack = await startStack({ env, onEnd: (stop) => stops.push(stop) })
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
    await rm(folder, { recursive: true })
  }
})

/** What the examples read. */
async function serveSite(): Promise<LocalSite> {
  const red = { width: 400, height: 300, channels: 3, background: 'red' } as const
  const image = await sharp({ create: red }).png().toBuffer()
  const orders = [
    { country: 'DE', total: 2 },
    { country: 'DE', total: 3 },
    { country: 'FR', total: 1 },
  ]
  const files: Record<string, string | Buffer> = {
    '/image.png': image,
    '/orders.json': JSON.stringify(orders),
    '/': '<a href="/ok">one</a> <a href="/gone">two</a>',
    '/ok': '',
  }
  return serve(({ url = '' }, response) => {
    const file = files[url]
    const type = url === '/' ? 'text/html' : 'application/octet-stream'
    response.writeHead(file === undefined ? 404 : 200, { 'content-type': type }).end(file)
  })
}

/** Runs the commands of a README besides those that start Drover, and gives what each block prints. */
async function runReadme(example: string, env: Record<string, string>): Promise<string[]> {
  const text = await readFile(join(root, 'examples', example, 'README.md'), 'utf8')
  const blocks = Array.from(text.matchAll(/^```sh\n([^]*?)^```$/gm), ([, code = '']) => code)
  const printed: string[] = []
  for (const block of blocks.filter((code) => !code.includes('npm start'))) {
    const script = block.replaceAll('http://127.0.0.1:3000', stack.api.url)
    const options = { cwd: root, env: { ...withNode(), ...env }, timeout: 60_000 }
    const { stdout } = await promisify(execFile)('bash', ['-ec', script], options)
    printed.push(stdout)
  }
  expect(printed.length).toBeGreaterThan(0)
  return printed
}

/** `node` is the one of this test. */
const withNode = () => ({ PATH: `${join(process.execPath, '..')}:${process.env['PATH']}` })

/** Starts a program of an example, and gives its lines once it listens. */
async function start(
  file: string,
  env: Record<string, string>,
): Promise<{ lines: string[]; stop: () => Promise<void> }> {
  const args = ['--import', './src/jobs/module-hooks.ts', join('examples', file)]
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...withNode(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
  }
  onTestFinished(stop)
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  await waitFor(
    `${file} to listen`,
    () => lines,
    ([line]) => line?.startsWith('listening') ?? false,
    { withinMs: 60_000 },
  )
  return { lines, stop }
}

test('thumbnails: the images are made, and the receiver accepts the signed webhook alone', async () => {
  const site = await serveSite()
  const [port = 0] = await freePorts(1)
  const { lines } = await start('thumbnails/receiver.ts', { WEBHOOK_SECRETS: secret, PORT: String(port) })
  const forged = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: '{}' })
  expect(forged.status).toBe(401)
  const env = { IMAGE: `${site.url}/image.png`, RECEIVER_PORT: String(port) }
  const [job = ''] = await runReadme('thumbnails', env)
  expect(JSON.parse(job)).toMatchObject({
    state: 'succeeded',
    output: { thumbnails: [{ width: 64, height: 48 }, { width: 256 }] },
  })
  const [, message] = await waitFor(
    'the webhook',
    () => lines,
    ({ length }) => length === 2,
    { withinMs: 60_000 },
  )
  expect(message).toMatch(/^job\.succeeded cpu_\w+ 2 thumbnails$/)
})

test('crawler: as a request, in TypeScript, and as a handler', async () => {
  const site = await serveSite()
  const [flow = '', report = '', ofHandler = ''] = await runReadme('crawler', { SITE: `${site.url}/` })
  expect(JSON.parse(flow)).toMatchObject({ state: 'succeeded', jobs: 4 })
  expect(report).toBe(`2 links, 1 of them broken\n${site.url}/gone answers 404\n`)
  expect(JSON.parse(ofHandler)).toEqual({ checked: 2, broken: [`${site.url}/gone answers 404`] })
})

test('nightly-report: stored, run by hand, paused', async () => {
  const site = await serveSite()
  const [put = '', run = '', looked = ''] = await runReadme('nightly-report', { ORDERS: `${site.url}/orders.json` })
  expect(JSON.parse(put)).toMatchObject({ next_run_at: expect.any(String), overlap: 'skip' })
  expect(JSON.parse(run)).toMatchObject({ output: { orders: 3, by_country: { DE: 5, FR: 1 } } })
  expect(looked).toContain('"paused":true')
  expect(looked).toMatch(/"items":\[{[^]*"type":"nightly-report"/)
})

test('csv-import: an import that breaks goes on after its last checkpoint', async () => {
  const rows = Array.from({ length: 2500 }, (_, n) => `name ${n},${n}\n`)
  const file = Buffer.from(`name,amount\n${rows.join('')}`)
  const ranges: (string | undefined)[] = []
  const site = await serve(async ({ headers: { range } }, response) => {
    ranges.push(range)
    const from = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
    response.writeHead(range === undefined ? 200 : 206, { 'content-length': file.length - from })
    if (range !== undefined) return response.end(file.subarray(from))
    // The first connection breaks after 60 of 100 bytes, once they have been read.
    response.write(file.subarray(0, file.length * 0.6))
    await waitFor(
      'a checkpoint',
      () => send<{ items: JobResource[] }>('GET', `${stack.api.url}/v1/jobs?type=csv-import`),
      ({ body }) => (body.items[0]?.checkpoint ?? null) !== null,
      { withinMs: 60_000 },
    )
    return response.destroy()
  })
  const [events = ''] = await runReadme('csv-import', { CSV: `${site.url}/rows.csv` })
  const place = Buffer.from(`name,amount\n${rows.slice(0, 1000).join('')}`).length
  expect(ranges).toEqual([undefined, `bytes=${place}-`])
  expect(events).toContain('goes on after 1000 rows')
  expect(events).toContain('"message":"2500 rows"')
  expect(events).toContain(`"output":{"bytes":${file.length},"rows":2500,"total":${(2499 * 2500) / 2}}`)
})

test.skipIf(!hasPython)('python-data: a handler in Python', async () => {
  const [output = ''] = await runReadme('python-data', {})
  expect(JSON.parse(output)).toMatchObject({ columns: { price: { mean: 4, median: 2.5 }, weight: { mean: 0.6 } } })
})

test('drover types declares the job types of a server', async () => {
  const { code, stdout } = await drover(['types', stack.api.url])
  expect(code).toBe(0)
  expect(stdout).toContain(
    '  "check-link": {\n    input: { "url": string }\n    output: { "url": string; "status": number }\n',
  )
})

test('llm-stream and web-page: in the terminal', async () => {
  const [[answer = ''], [primes = '']] = await Promise.all([runReadme('llm-stream', {}), runReadme('web-page', {})])
  expect(answer.match(/event: output/g)).toHaveLength(18)
  expect(answer).toContain('"answer":"You asked: What is a queue? I have')
  expect(primes).toMatch(/event: progress[^]*event: done[^]*"count":78498/)
})

test.skipIf(!hasBrowser)(`llm-stream and web-page: in a browser${browserNote}`, async () => {
  const browser = await startBrowser()
  onTestFinished(() => browser.close())
  const env = { DROVER_URL: stack.api.url, PORT: new URL(pages).port }
  const { page, faults } = await openPage(browser)

  const chat = await start('llm-stream/server.ts', env)
  await page.goto(pages)
  await page.getByRole('button', { name: 'Ask' }).click()
  await page.locator('#answer[data-state=succeeded]').waitFor()
  expect(await page.locator('#answer').textContent()).toMatch(/^You asked: What is a queue\? I have .* say\.$/)
  await chat.stop()

  await start('web-page/server.ts', env)
  await page.goto(pages)
  await page.getByRole('button', { name: 'Count' }).click()
  await page.locator('output', { hasText: 'primes below' }).waitFor()
  expect(await page.locator('progress').getAttribute('value')).not.toBeNull()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.locator('output', { hasText: 'canceled' }).waitFor()
  expect(faults).toEqual([])
})
