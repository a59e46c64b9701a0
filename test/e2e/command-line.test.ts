import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { freePorts } from '../../src/dev/free-ports.ts'
import { send } from '../helpers/client.ts'
import { makeKey } from '../helpers/keys-file.ts'
import { type DroverOptions, drover, startDrover } from '../helpers/run-drover.ts'
import { type Stack, startStack } from '../helpers/stack.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { waitFor } from '../helpers/wait-for.ts'

// Most of the time is that of starting Node.js, some seventy times.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const key = makeKey('acme', ['submit', 'read', 'cancel'])
const adminKey = makeKey('acme', ['admin'])
const droverKey = `${key.id}.${key.secret}`

/** Logs, yields and returns text that changes the title of a terminal, its colours, and the direction of its text. */
const noisyJob = String.raw`
import { defineJob } from 'drover'
import { z } from 'zod'

export default defineJob({
  type: 'noisy',
  title: 'Print what a terminal obeys',
  runsOn: 'event-loop',
  input: z.object({ wait: z.boolean().default(false), names: z.array(z.string()).default([]), level: z.enum(['low', 'high']).optional() }),
  output: z.object({ text: z.string(), input: z.unknown() }),
  async *run(input, job) {
    job.log('\u001b]0;title\u0007 first\nsecond', 'warn')
    job.progress(0.5, '\u009b31m half')
    yield { index: 1, text: '\u001b[31m\u009b31m' }
    yield { index: 2, text: '\u202eright' }
    return { text: '\u0007\u0085', input }
  },
})
`

/** Pays by a request that changes something. `broken` is where the server has it, and this folder not. */
const payJob = (broken: string) => `
import { defineJob } from 'drover'
import { z } from 'zod'

export default defineJob({
  type: 'pay',
  title: 'Pay',
  runsOn: 'thread',
  backoff: { type: 'fixed', delayMs: 3600000, jitter: 0 },
  input: z.object({ url: z.url(), token: z.string().meta({ secret: true }) }),
  output: z.object({ status: z.int(), restored: z.unknown(), step: z.string(), fence: z.int() }),
  async *run({ url, token }, job) {
    const step = await job.once('prepare', () => 'by ' + token)
    ${broken}
    job.log('pays with ' + token)
    yield job.attempt
    const { status } = await job.fetch(url, { method: 'POST', body: token })
    return { status, restored: job.restored, step, fence: job.fence }
  },
})`

let stack: Stack
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  const stops: (() => Promise<void>)[] = []
  folder = await mkdtemp(join(tmpdir(), 'drover-cli-'))
  await writeFile(join(folder, 'noisy.ts'), noisyJob)
  await writeFile(join(folder, 'pay.ts'), payJob("await job.checkpoint({ paid: 0 }); throw new Error('no')"))
  const keys = join(folder, 'keys.json')
  await writeFile(keys, JSON.stringify({ keys: [key.entry, adminKey.entry] }))
  stack = await startStack({ env: { API_KEYS_FILE: keys, JOBS_DIR: folder }, onEnd: (stop) => stops.push(stop) })
  env = { DROVER_URL: stack.api.url, DROVER_KEY: droverKey, XDG_CONFIG_HOME: join(folder, 'config') }
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
    await rm(folder, { recursive: true })
  }
})

const run = (args: string, options: DroverOptions = {}) =>
  drover(args.split(' '), { ...options, env: { ...env, ...options.env } })

/** Everything but the line break. */
const controls = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u
const isSafe = (text: string): boolean => !controls.test(text.replaceAll('\n', ''))

test('a run exits as its job ends, with the output on stdout and everything else on stderr', async () => {
  const [succeeded, failed, expired, silent] = await Promise.all([
    run('run sleep --duration-ms 60'),
    run('run sleep --duration_ms=10 --fail-at 0 --attempts 1'),
    run('run echo --input 1 --delay 500ms --deadline-ms 1'),
    run('run count-primes --limit 100 --wait --quiet'),
  ])
  expect(succeeded).toMatchObject({ code: 0, stdout: '{"slept_ms":60}\n' })
  expect(succeeded.stderr).toMatch(/^io_\S+ sleep\n/)
  expect(succeeded.stderr).toMatch(/^succeeded$/m)
  expect(failed).toMatchObject({ code: 1, stdout: '' })
  expect(failed.stderr).toMatch(/drover: io_\S+ failed: job_failed: failed at the start of step 0/)
  expect(expired).toMatchObject({ code: 3, stdout: '' })
  expect(silent).toEqual({ code: 0, stdout: '{"count":25,"largest":97}\n', stderr: '' })
})

test('a mistake of the user exits with 2 and names the flag, a server that is not reached with 4', async () => {
  const [ofKind, refused, flag, type, input, both, away, url] = await Promise.all([
    run('run sleep --duration-ms soon'),
    run('run sleep --duration-ms -1 --steps 0'),
    run('run sleep --duration-msec 1'),
    run('run sleeep --duration-ms 1'),
    run('run echo --input {'),
    run('run echo --wait --detach'),
    run('list', { env: { DROVER_URL: 'http://127.0.0.1:9' } }),
    run('list', { env: { DROVER_URL: 'localhost:3000' } }),
  ])
  expect(ofKind).toEqual({ code: 2, stdout: '', stderr: 'drover: --duration-ms: is no number\n' })
  expect(refused.code).toBe(2)
  expect(refused.stderr).toMatch(/^drover: --duration-ms: .+\ndrover: --steps: .+\n$/)
  expect(flag).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean --duration-ms?') })
  expect(type).toMatchObject({ code: 2, stderr: expect.stringContaining('unknown_job_type') })
  expect(input).toEqual({ code: 2, stdout: '', stderr: 'drover: --input: is not JSON\n' })
  expect(both).toMatchObject({ code: 2, stdout: '' })
  expect(away).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('ECONNREFUSED') })
  expect(url).toMatchObject({ code: 2, stderr: expect.stringContaining('DROVER_URL') })
})

test('an input is JSON, a file, stdin or flags from the schema of the type', async () => {
  const file = join(folder, 'input.json')
  await writeFile(file, '{"names":["file"],"level":"low"}')
  const flags = ['--names', 'a', '--names=--b', '--level', 'high', '--input-wait']
  const [fromFile, fromStdin, fromFlags, wrong, help] = await Promise.all([
    run(`run noisy --wait --quiet --input @${file} --names flag`),
    run('run noisy -w -q -i -', { stdin: '{"level":"low"}' }),
    drover(['run', 'noisy', '--json', '--quiet', ...flags], { env }),
    run('run noisy --level middle'),
    run('run noisy --help'),
  ])
  const inputOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout).input
  expect(inputOf(fromFile)).toEqual({ wait: false, names: ['flag'], level: 'low' })
  expect(inputOf(fromStdin)).toEqual({ wait: false, names: [], level: 'low' })
  expect(inputOf(fromFlags)).toEqual({ wait: true, names: ['a', '--b'], level: 'high' })
  expect(wrong).toEqual({ code: 2, stdout: '', stderr: 'drover: --level: is one of low, high\n' })
  for (const flag of ['--names', '--level', '--input-wait']) expect(help.stdout).toContain(flag)
})

test('values come as lines of JSON before the output, and nothing reaches the terminal that it obeys', async () => {
  const [text, json, lines] = await Promise.all([
    run('run noisy'),
    run('run noisy --json'),
    run('run noisy --output ndjson --quiet'),
  ])
  const printed = text.stdout.trimEnd().split('\n')
  expect(printed.map((line) => JSON.parse(line).index)).toEqual([1, 2, undefined])
  expect(JSON.parse(printed[0] ?? '').text).toBe('\u001b[31m\u009b31m')
  expect(text.stderr).toContain(String.raw`warn \u001b]0;title\u0007 first\nsecond`)
  expect(JSON.parse(json.stdout)).toMatchObject({ type: 'noisy', state: 'succeeded', output: { text: '\u0007\u0085' } })
  const events = lines.stdout.trimEnd().split('\n')
  expect(events.map((line) => JSON.parse(line).event)).toEqual(
    expect.arrayContaining(['snapshot', 'log', 'output', 'done']),
  )
  const id = JSON.parse(json.stdout).id
  const others = await Promise.all([run(`get ${id}`), run(`logs ${id}`), run('list')])
  for (const { code, stdout, stderr } of [text, json, lines, ...others]) {
    expect(code).toBe(0)
    expect(stdout).toSatisfy(isSafe)
    expect(stderr).toSatisfy(isSafe)
  }
})

test('jobs are listed, shown, canceled, retried and deleted', async () => {
  const { stdout } = await run('run sleep --duration-ms 60000 --tag mine --metadata order=42 --detach')
  const id = stdout.trim()
  const watching = run(`watch ${id} --json`)
  await waitFor(
    'the job to run',
    async () => JSON.parse((await run('list --state running --tag mine --json')).stdout),
    ({ items }) => items.length === 1,
    { withinMs: 120_000 },
  )
  const [shown, canceled] = [await run(`get ${id}`), await run(`cancel ${id} io_unknown`)]
  expect(shown.stdout).toMatch(/^state +running$/m)
  expect(shown.stdout).toMatch(/^metadata +{"order":"42"}$/m)
  expect(canceled).toMatchObject({
    code: 1,
    stdout: expect.stringContaining(id),
    stderr: expect.stringContaining('job_not_found'),
  })
  const watched = await watching
  expect(watched).toMatchObject({ code: 3, stderr: expect.stringContaining(`${id} was canceled`) })
  expect(JSON.parse(watched.stdout)).toMatchObject({ id, state: 'canceled' })
  const table = await run('list --tag mine')
  expect(table.stdout).toMatch(new RegExp(`^id .*\\n${id} +sleep +canceled `))
  const retried = await run(`retry ${id}`)
  expect(retried).toMatchObject({ code: 0, stdout: expect.stringContaining(id) })
  await run(`cancel ${id}`)
  expect(await run(`watch ${id} --quiet`)).toMatchObject({ code: 3 })
  expect(await run(`delete ${id}`)).toMatchObject({ code: 0 })
  expect(await run(`get ${id}`)).toMatchObject({ code: 1, stderr: expect.stringContaining('job_not_found') })
})

test('a command that is interrupted or waits for too long leaves its job running and prints its id', async () => {
  const seen = { stderr: '', isSignalled: false }
  const interrupted = startDrover(['run', 'sleep', '--duration-ms', '60000', '--tag', 'left'], { env }, (piece) => {
    seen.stderr += piece
    if (seen.isSignalled || !/^running$/m.test(seen.stderr)) return
    seen.isSignalled = true
    interrupted.signal('SIGINT')
  })
  const late = run('run sleep --duration-ms 60000 --tag left --timeout 1')
  for (const [{ code, stdout, stderr }, expected] of [
    [await interrupted.ended, 130],
    [await late, 124],
  ] as const) {
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' })
    expect(stderr).toMatch(/(io_\S+) goes on: drover watch \1/)
  }
  const { items } = JSON.parse((await run('list --tag left --json')).stdout)
  expect(items.map(({ state }: { state: string }) => state)).toEqual(['running', 'running'])
  await run(`cancel ${items.map(({ id }: { id: string }) => id).join(' ')}`)
})

test('a stream whose connection breaks goes on where it was', async () => {
  const proxy = await TcpProxy.open(Number(new URL(stack.api.url).port))
  onTestFinished(() => proxy.close())
  const id = (await run('run sleep --duration-ms 60000 --steps 300 --detach')).stdout.trim()
  const args = `watch ${id} --output ndjson`.split(' ')
  const direct = drover(args, { env })
  const seen = { resets: 0, steps: 0 }
  let isCanceled = false
  const broken = startDrover(args, { env: { ...env, DROVER_URL: `http://127.0.0.1:${proxy.port}` } }, (piece) => {
    seen.steps += piece.split('step').length - 1
    if (seen.resets === 0 && seen.steps > 0) seen.resets = proxy.reset()
    if (isCanceled || !piece.includes('the stream resumes')) return
    isCanceled = true
    void run(`cancel ${id}`)
  })
  const [resumed, whole] = await Promise.all([broken.ended, direct])
  expect(seen.resets).toBeGreaterThan(0)
  expect([resumed.code, whole.code]).toEqual([3, 3])
  const progressOf = ({ stdout }: { stdout: string }): unknown[] =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'progress')
  expect(progressOf(resumed).length).toBeGreaterThan(0)
  expect(progressOf(resumed)).toEqual(progressOf(whole))
})

test('a key comes from the environment or from a file that its owner alone can read', async () => {
  const config = join(folder, 'other-config')
  const without = { DROVER_URL: undefined, DROVER_KEY: undefined, XDG_CONFIG_HOME: config }
  const path = join(config, 'drover/contexts.json')
  const wrong = await run(`login ${stack.api.url} --name wrong`, { env: without, stdin: `${key.id}.wrong\n` })
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('unauthenticated') })
  await expect(stat(path)).rejects.toThrow('ENOENT')
  const login = await run(`login ${stack.api.url} --name right`, { env: without, stdin: `${droverKey}\n` })
  expect(login.code).toBe(0)
  expect(`${wrong.stderr}${login.stderr}${login.stdout}`).not.toContain(key.secret)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readFile(path, 'utf8')).toContain(key.secret)
  const [listed, named, contexts] = await Promise.all([
    run('list', { env: without }),
    run('list --context left', { env: without }),
    run('contexts --json', { env: without }),
  ])
  expect(listed.code).toBe(0)
  expect(named).toMatchObject({ code: 2, stderr: expect.stringContaining('there are right') })
  expect(contexts.stdout).not.toContain(key.secret)
  expect(JSON.parse(contexts.stdout)).toEqual([{ name: 'right', url: stack.api.url, key: 'stored', current: 'yes' }])

  const authorizations: (string | undefined)[] = []
  const stranger = createServer((request, response) => {
    authorizations.push(request.headers.authorization)
    response.end('{"items":[],"next_cursor":null}')
  })
  stranger.listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  onTestFinished(() => void stranger.close())
  const { port } = stranger.address() as AddressInfo
  await run('list', { env: { ...without, DROVER_URL: `http://127.0.0.1:${port}` } })
  expect(authorizations).toEqual([undefined])
})

const hasTmux = spawnSync('tmux', ['-V']).status === 0

test.skipIf(!hasTmux)(
  'in a terminal a bar is drawn, and Ctrl-C asks whether to cancel (needs tmux)',
  async () => {
    const socket = join(folder, 'tmux')
    const tmux = (...args: string[]) =>
      execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      })
    const screen = () => tmux('capture-pane', '-p')
    const shows = (what: RegExp) =>
      waitFor(`the terminal to show ${what.source}`, screen, (text) => what.test(text), { withinMs: 120_000 })
    const type = (command: string) => tmux('send-keys', `${command}; echo "exit code $?"`, 'Enter')
    tmux('new-session', '-d', '-x', '100', '-y', '40', 'sh')
    onTestFinished(() => void tmux('kill-server'))

    type('bin/drover run sleep --duration-ms 60000 --steps 600')
    await shows(/^█*░+ +\d+ % {2}running {2}\d.* step \d+ of 600$/m)
    tmux('send-keys', 'C-c')
    await shows(/● Detach[^]*○ Cancel it/)
    tmux('send-keys', 'Down', 'Enter')
    await shows(/was canceled\nexit code 3$/m)

    type('bin/drover run echo --input 7')
    await shows(/^7\nexit code 0$/m)

    const flow = join(folder, 'tree.yaml')
    await writeFile(
      flow,
      'gather:\n  - {type: echo, input: 1}\n  - {type: sleep, input: {duration_ms: 60000, steps: 600}}\n',
    )
    type(`bin/drover flow run ${flow}`)
    await shows(
      /^█+░+ +50 % {2}gather {2}1 of 2 {2}running\n {2}echo {2}succeeded\n {2}█*░+ +\d+ % {2}sleep {2}running$/m,
    )
    tmux('send-keys', 'C-c')
    await shows(/● Detach/)
    tmux('send-keys', 'C-c')
    await shows(/flow_\S+ goes on: drover watch flow_\S+[^]*exit code 130$/m)
  },
  300_000,
)

test('queues, types and schedules are listed and changed, and doctor finds what is wrong', async () => {
  const admin = { env: { DROVER_KEY: `${adminKey.id}.${adminKey.secret}` } }
  const [types, type, queues, refused, healthy] = await Promise.all([
    run('types'),
    run('types noisy --json'),
    run('queues --output ndjson'),
    run('queues pause cpu'),
    run('doctor --json', admin),
  ])
  expect(types.stdout).toMatch(/^noisy +io +event-loop +Print what a terminal obeys$/m)
  expect(JSON.parse(type.stdout)).toMatchObject({ type: 'noisy', queue: 'io' })
  expect(
    queues.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).name),
  ).toEqual(['cpu', 'io'])
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('forbidden') })
  const statuses = ({ stdout }: { stdout: string }) =>
    Object.fromEntries(JSON.parse(stdout).checks.map(({ check, status }: Record<string, string>) => [check, status]))
  expect(healthy.code).toBe(0)
  expect(statuses(healthy)).toMatchObject({
    server: 'ok',
    ready: 'ok',
    key: 'ok',
    'queue cpu': 'ok',
    'queue io': 'ok',
    redis: 'ok',
    clocks: 'ok',
  })

  expect(await run('queues pause cpu', admin)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^cpu +yes /m) })
  const [paused, wrongKey] = await Promise.all([
    run('doctor --json', admin),
    run('doctor --json', { env: { DROVER_KEY: `${key.id}.wrong` } }),
  ])
  expect(statuses(paused)).toMatchObject({ 'queue cpu': 'warning' })
  expect(wrongKey.code).toBe(1)
  expect(statuses(wrongKey)).toMatchObject({ server: 'ok', key: 'failed' })
  expect(await run('queues resume cpu', admin)).toMatchObject({ code: 0 })

  await run('run sleep --duration-ms 1 --fail-at 0 --attempts 1 --quiet')
  const failures = JSON.parse((await run('failures --type sleep --json')).stdout).items
  const [inGroup, workers, stats, unseen] = await Promise.all([
    run(`list --json --fingerprint ${failures[0].fingerprint}`),
    run('workers', admin),
    run('stats --from 10m --json', admin),
    run('workers'),
  ])
  expect(JSON.parse(inGroup.stdout).items[0]).toMatchObject({ type: 'sleep', state: 'failed' })
  expect(workers.stdout).toMatch(/ io:100,cpu:2 +\d+ +\d+ MB/)
  expect(JSON.parse(stats.stdout).step_ms).toBe(60_000)
  expect(unseen).toMatchObject({ code: 1, stderr: expect.stringContaining('forbidden') })
})

test('schedules are put, listed and deleted', async () => {
  const schedule = 'cron: 0 3 * * *\njob: { type: echo, input: 1 }\n'
  expect(await run('schedules put nightly -', { stdin: schedule })).toMatchObject({ code: 0 })
  expect((await run('schedules')).stdout).toMatch(/^nightly +0 3 \* \* \* +echo +\d{4}-/m)
  expect(await run('schedules delete nightly')).toMatchObject({ code: 0 })
  expect(await run('schedules get nightly')).toMatchObject({ code: 1 })
})

test('a flow of a file is followed, and exits as it ends', async () => {
  const file = join(folder, 'flow.yaml')
  await writeFile(
    file,
    'chain:\n  - {type: echo, input: {limit: 100}}\n  - {type: count-primes, input: {limit: {$output: /limit}}}\n',
  )
  const failing = '{"flow":{"gather":[{"type":"sleep","input":{"duration_ms":1,"fail_at":0}}]},"tags":["f"]}'
  const [succeeded, failed, document, broken] = await Promise.all([
    run(`flow run ${file} --follow`),
    run('flow run - --wait', { stdin: failing }),
    run(`flow run ${file} --json --quiet`),
    run('flow run - --wait', { stdin: 'chain: [' }),
  ])
  expect(succeeded.code).toBe(0)
  const outputs = succeeded.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).output)
  expect(outputs).toEqual([{ limit: 100 }, { count: 25, largest: 97 }])
  expect(succeeded.stderr).toMatch(/^succeeded \/flow\/chain\/1 cpu_/m)
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/flow_\S+ failed: job_failed: /) })
  const { id, state } = JSON.parse(document.stdout)
  expect(state).toBe('succeeded')
  expect(await run(`get ${id}`)).toMatchObject({ code: 0, stdout: expect.stringContaining(id) })
  expect((await run('list --flows')).stdout).toContain(id)
  expect(broken).toMatchObject({ code: 2, stdout: '' })
})

test('a route that the server does not have is reported as that', async () => {
  const old = createServer((_, response) => {
    response.writeHead(404, { 'content-type': 'application/problem+json' })
    response.end('{"status":404,"code":"route_not_found","title":"Not found","detail":"There is no such route"}')
  })
  old.listen(0, '127.0.0.1')
  await once(old, 'listening')
  onTestFinished(() => void old.close())
  const { port } = old.address() as AddressInfo
  const env = { DROVER_URL: `http://127.0.0.1:${port}` }
  for (const args of ['workers', 'operations start retry --state failed']) {
    const { code, stderr } = await run(args, { env })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^drover: this server has no such route \((GET|POST) \/v1\/\w+\): it is older/),
    })
  }
})

test('another program at the address is not taken for a server, and other operations can be called', async () => {
  const page = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<h1>Sign in</h1>')
  })
  page.listen(0, '127.0.0.1')
  await once(page, 'listening')
  onTestFinished(() => void page.close())
  const { port } = page.address() as AddressInfo
  const other = { DROVER_URL: `http://127.0.0.1:${port}` }
  for (const { code, stdout, stderr } of await Promise.all([
    run('list', { env: other }),
    run('watch io_1', { env: other }),
  ])) {
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
    expect(stderr).toBe('drover: the server answered 200, and not as Drover does\n')
  }
  const submitted = await drover(['request', 'POST', '/v1/jobs', '--input', '{"type":"echo","input":1}'], { env })
  expect(JSON.parse(submitted.stdout)).toMatchObject({ type: 'echo' })
  expect(await run('request GET /v1/nothing')).toMatchObject({ code: 1, stdout: '' })
})

test('a job is replayed by the code of a folder, without a trace but in the audit log', async () => {
  const paid: string[] = []
  const receiver = createServer(async (request, response) => {
    paid.push(`${request.method} ${await text(request)}`)
    response.end()
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void receiver.close())
  await once(receiver, 'listening')
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  const local = join(folder, 'local')
  await mkdir(local)
  await writeFile(join(local, 'pay.ts'), payJob(''))
  const authorization = `Bearer ${droverKey}`
  const untilFailed = async (id: string, run: number) => {
    const ended = () =>
      send<{ run: number; attempts: { outcome: string | null }[] }>('GET', `${stack.api.url}/v1/jobs/${id}`, {
        headers: { authorization },
      })
    const hasFailed = ({ body }: Awaited<ReturnType<typeof ended>>) =>
      body.run === run && body.attempts[0]?.outcome === 'failed'
    await waitFor('the attempt to fail', ended, hasFailed)
    return id
  }
  const submitPay = async (attempts: number) => {
    const body = { type: 'pay', input: { url, token: 'abcd-secret' }, attempts }
    const { body: job } = await send<{ id: string }>('POST', `${stack.api.url}/v1/jobs`, {
      body,
      headers: { authorization },
    })
    return untilFailed(job.id, 1)
  }
  const [waiting, failed] = await Promise.all([submitPay(2), submitPay(1)])
  await send('POST', `${stack.api.url}/v1/jobs/${failed}/retry`, { headers: { authorization } })
  await untilFailed(failed, 2)
  const admin = { env: { DROVER_KEY: `${adminKey.id}.${adminKey.secret}` } }
  const given = ['--jobs', local, '--secrets', '{"/token":"abcd-secret"}']
  const replay = (id: string, ...more: string[]) =>
    drover(['replay', id, ...given, ...more], { env: { ...env, ...admin.env } })

  const [refused, readsOnly, live, failedLive, anew] = await Promise.all([
    run(`replay ${failed}`),
    replay(failed),
    replay(waiting, '--live'),
    run(`replay ${failed} --live --jobs ${local}`, admin),
    replay(failed, '--live', '--from-start'),
  ])
  expect(refused.stderr).toContain('forbidden')
  expect(readsOnly).toMatchObject({ code: 1, stdout: '1\n' })
  expect(readsOnly.stderr).toContain('failed: replay_refused: a replay sends no POST request unless --live is given')
  expect(live.code, live.stderr).toBe(0)
  // Its secret was in the step that the first attempt has kept, and no server tells it.
  expect(live.stdout.split('\n')).toEqual([
    '1',
    '{"status":200,"restored":{"paid":0},"step":"by ***","fence":1000001}',
    '',
  ])
  expect(live.stderr).toMatch(/info pays with \*\*\*$/m)
  expect(failedLive.stderr).toContain('secrets are *** in /token')
  expect(failedLive.stderr).toContain('goes on with its last checkpoint and the result of 1 step')
  const asItFailed = '{"status":200,"restored":{"paid":0},"step":"by ***","fence":2000001}'
  expect(failedLive.stdout.split('\n')).toEqual(['1', asItFailed, ''])
  expect(anew.stdout.split('\n')).toEqual(['1', '{"status":200,"step":"by abcd-secret","fence":2000001}', ''])
  expect(paid.toSorted()).toEqual(['POST ***', 'POST abcd-secret', 'POST abcd-secret'])

  const headers = { authorization: `Bearer ${admin.env.DROVER_KEY}` }
  const audit = await send<{ items: object[] }>('GET', `${stack.api.url}/v1/audit?action=replayJob`, { headers })
  expect(audit.body.items).toHaveLength(4)
  expect(audit.body.items[0]).toMatchObject({ action: 'replayJob', tenant: 'acme' })
  const { body } = await send('GET', `${stack.api.url}/v1/jobs/${failed}`, { headers })
  expect(body).toMatchObject({ state: 'failed', run: 2, attempt: 1, checkpoint: { size_bytes: expect.any(Number) } })
})

test('a replay waits for a debugger, which stops where the handler begins', async () => {
  const [port = 0] = await freePorts(1)
  const headers = { authorization: `Bearer ${droverKey}` }
  const { body } = await send<{ id: string }>('POST', `${stack.api.url}/v1/jobs`, {
    body: { type: 'echo', input: 7 },
    headers: { ...headers, prefer: 'wait=50' },
  })
  let listening = ''
  const debuggerUrl = Promise.withResolvers<string>()
  const args = ['replay', body.id, '--jobs', folder, '--inspect-brk', '--inspect-port', String(port)]
  const { ended } = startDrover(args, { env: { ...env, DROVER_KEY: `${adminKey.id}.${adminKey.secret}` } }, (piece) => {
    listening += piece
    const [found] = /ws:\S+/.exec(listening) ?? []
    if (found !== undefined) debuggerUrl.resolve(found)
  })
  const socket = new WebSocket(await debuggerUrl.promise)
  await once(socket, 'open')
  const paused = Promise.withResolvers<{ functionName: string }[]>()
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data))
    if (message.method === 'Debugger.paused') paused.resolve(message.params.callFrames)
  })
  for (const [id, method] of ['Debugger.enable', 'Runtime.runIfWaitingForDebugger'].entries())
    socket.send(JSON.stringify({ id: id + 1, method }))
  expect((await paused.promise)[0]).toMatchObject({ functionName: 'run' })
  socket.send(JSON.stringify({ id: 3, method: 'Debugger.resume' }))
  socket.send(JSON.stringify({ id: 4, method: 'Debugger.disable' }))
  socket.close()
  expect(await ended).toMatchObject({ code: 0, stdout: '7\n' })
})

test('a shell is offered commands, job types and the flags of a type', async () => {
  const proposals = async (...words: string[]) => {
    const { stdout } = await drover(['__complete', ...words], { env })
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[0])
  }
  const [commands, types, flags, bash] = await Promise.all([
    proposals('que'),
    proposals('run', 'no'),
    proposals('run', 'noisy', '--na'),
    run('completion bash'),
  ])
  expect(commands).toEqual(['queues'])
  expect(types).toEqual(['noisy'])
  expect(flags).toEqual(['--names'])
  const script =
    'eval "$0"; drover() { printf "noisy\\tThe type\\n"; }; COMP_WORDS=(drover run no); COMP_CWORD=2; _drover; echo "${COMPREPLY[@]}"'
  expect(execFileSync('bash', ['-c', script, bash.stdout], { encoding: 'utf8' })).toBe('noisy\n')
})
