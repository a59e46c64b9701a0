import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freePorts } from '../../../src/dev/free-ports.ts'
import { type LocalRedis, planLocalRedis } from '../../../src/dev/local-redis.ts'
import { answerToPing, launchRedis } from '../../../src/dev/redis-process.ts'
import { untilReady } from '../../../src/dev/running.ts'
import { canOwnRedis } from '../../helpers/own-redis.ts'
import { waitFor } from '../../helpers/wait-for.ts'

let dir = ''
let port = 0

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drover-data-'))
  port = (await freePorts(1))[0] ?? 0
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const boot = { name: 'Redis', withinMs: 10_000 }

async function plan(): Promise<LocalRedis> {
  const redis = await planLocalRedis(dir, port)
  if ('reason' in redis) throw new Error(redis.reason)
  return redis
}

describe.skipIf(!canOwnRedis)('the Redis of npm start', () => {
  test('listens on a loopback port, locks its data folder, and stops with its lease', async () => {
    const redis = (await plan()).launch()
    await untilReady(redis, boot)
    expect(await planLocalRedis(dir, port)).toMatchObject({ reason: expect.stringContaining('in use') })

    redis.send('SIGSTOP')
    expect(await planLocalRedis(dir, port)).toMatchObject({ reason: expect.stringContaining('in use') })
    redis.send('SIGCONT')

    await redis.stop(5000)
    expect(await redis.ended).toMatchObject({ code: 0 })
    expect(await answerToPing(port)).toBeUndefined()
    expect(await planLocalRedis(dir, port)).not.toHaveProperty('reason')
  })

  test('outlives the process that started it while another process holds its lease, and no longer', async () => {
    const redis = (await plan()).launch()
    await untilReady(redis, boot)
    const holder = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', redis.lease] })
    await once(holder, 'spawn')

    redis.lease.destroy()
    expect(await answerToPing(port)).toBe('+PONG')

    holder.kill('SIGKILL')
    await redis.ended
    expect(await answerToPing(port)).toBeUndefined()
  })

  test('is killed when it does not stop in time', async () => {
    const redis = (await plan()).launch()
    await untilReady(redis, boot)
    redis.send('SIGSTOP')
    await redis.stop(50)
    expect(
      await waitFor(
        'the port to be free',
        () => answerToPing(port),
        (answer) => answer === undefined,
      ),
    ).toBeUndefined()
  })
})

test('a Redis or Valkey server is accepted from version 7.0 on', async () => {
  const found = async (answers: Record<string, string>): Promise<unknown> => {
    const bin = await mkdtemp(join(dir, 'bin-'))
    for (const [command, answer] of Object.entries(answers))
      await writeFile(join(bin, command), `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 })
    const code = `import('./src/dev/find-redis.ts').then(({ findRedisServer }) => console.log(JSON.stringify(findRedisServer() ?? null)))`
    const { stdout } = spawnSync(process.execPath, ['-e', code], { env: { PATH: bin }, encoding: 'utf8' })
    return JSON.parse(stdout)
  }
  expect(await found({})).toBeNull()
  expect(await found({ 'redis-server': 'Redis server v=6.2.14 sha=0' })).toBeNull()
  expect(await found({ 'redis-server': 'Redis server v=7.0.0 sha=0' })).toMatchObject({ version: '7.0.0' })
  expect(
    await found({ 'redis-server': 'Redis server v=6.2.14 sha=0', 'valkey-server': 'Valkey server v=8.0.1 sha=0' }),
  ).toMatchObject({ command: 'valkey-server' })
})

test('the error names why a server ended before it was ready', async () => {
  const server = launchRedis(['sh', '-c', 'echo no such luck >&2; exit 3'], port)
  await expect(untilReady(server, boot)).rejects.toMatchObject({
    message: 'Redis ended before it was ready: exit code 3\nno such luck',
    ending: { code: 3 },
  })
})

test('a server that is never ready is reported after the time limit', async () => {
  const server = launchRedis(['sleep', '60'], port)
  await expect(untilReady(server, { name: 'Redis', withinMs: 50 })).rejects.toThrow('Redis was not ready in time')
  await server.stop(1000)
})
