import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { JobContext } from '../../../../src/jobs/define-job.ts'
import { readJobFile } from '../../../../src/jobs/program/read-job-file.ts'
import { GroupMemory } from '../../../../src/worker/executors/program/group-memory.ts'
import type { SilenceLimits } from '../../../../src/worker/executors/program/silence-limits.ts'
import { WarmProgram } from '../../../../src/worker/executors/program/warm-program.ts'
import { isAlive, recordLog, until } from './harness.ts'

/** Says hello unless it is mute, and answers the first ping alone. */
const program = `
import { spawn } from 'node:child_process'
import { createReadStream, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

const send = (message) => writeSync(4, JSON.stringify(message) + '\\n')
const [, , mood, file] = process.argv
const daemon = "setsid sh -c 'echo $$ > \\"$0\\"; exec sleep 60' \\"$0\\" > /dev/null 2>&1 &"
if (mood === 'daemon') spawn('sh', ['-c', daemon, file], { stdio: 'ignore' })
if (mood !== 'mute') send({ hello: { protocol: 1 } })
let pings = 0
for await (const line of createInterface(createReadStream('', { fd: 3 }))) {
  const { ping } = JSON.parse(line)
  if (ping && pings++ === 0) send({ pong: ping })
}
`

async function start(mood: string, limits?: SilenceLimits) {
  const dir = await mkdtemp(join(tmpdir(), 'drover-warm-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'program.mjs'), program)
  const file = join(dir, 'pid')
  const command = JSON.stringify([process.execPath, 'program.mjs', mood, file])
  const job = readJobFile(`type: a\ntitle: A\ncommand: ${command}\ninput: true\noutput: true`)
  const environment = { PATH: process.env['PATH'] }
  const settings = { environment, user: undefined, memoryLimitMb: 512, log: recordLog().log }
  const loaded = { job, file: join(dir, 'a.job.yaml') }
  const warm = new WarmProgram({ loaded, settings, memory: new GroupMemory() }, limits)
  onTestFinished(async () => {
    warm.kill(0)
    await warm.gone
  })
  return { warm, file }
}

const attempt = { id: '1', type: 'a', tenant: '-', hops: 0, input: null, attempt: 1, maxAttempts: 1, fence: 1 }
const context = { signal: new AbortController().signal, restored: undefined } satisfies Partial<JobContext>

test('a program that never says hello is ended', async () => {
  const { warm } = await start('mute', { helloMs: 200, pingMs: 1000, pongMs: 30_000 })
  expect(await warm.gone).toEqual({ kind: 'error', message: 'the program sent no hello within 0.2 s' })
}, 60_000)

test('a program that has answered a ping and is silent then is ended', async () => {
  const { warm } = await start('once', { helloMs: 60_000, pingMs: 50, pongMs: 300 })
  warm.start(attempt, null, context as unknown as JobContext)
  expect(await warm.gone).toEqual({ kind: 'error', message: 'the program has not answered for 0.3 s' })
}, 60_000)

test.runIf(process.platform === 'linux')(
  'a daemon of a program that is killed ends with it',
  async () => {
    const { warm, file } = await start('daemon')
    const readPid = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0)
    await until(() => readPid() > 0, 30_000)
    const daemon = readPid()
    expect(isAlive(daemon)).toBe(true)
    onTestFinished(() => void (isAlive(daemon) && process.kill(daemon, 'SIGKILL')))
    warm.kill(0)
    await warm.gone
    await until(() => !isAlive(daemon), 30_000)
    expect(isAlive(daemon)).toBe(false)
  },
  90_000,
)
