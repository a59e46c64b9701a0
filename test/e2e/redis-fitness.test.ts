import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connectRedis } from '../../src/queue/redis/connection.ts'
import { watchFitness } from '../../src/queue/redis/fitness.ts'
import { send, submit } from '../helpers/client.ts'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { spawnRole, startStack } from '../helpers/stack.ts'

interface Readiness {
  status: string
  warnings: { code: string; detail: string }[]
}

async function ownRedis(more: string[]) {
  const redis = await startOwnRedis(more)
  onTestFinished(() => redis.close())
  return redis
}

/** The warnings of an API, and what API and workers have logged about them. */
async function warningsOf(env: Record<string, string>, count = 1) {
  const { api, workers } = await startStack({ workers: count, env })
  const { status, body } = await send<Readiness>('GET', `${api.url}/readyz`)
  expect([status, body.status]).toEqual([200, 'ready'])
  for (const { logs } of [api, ...workers]) {
    const logged = logs.flatMap(({ level, code }) => (level === 40 && typeof code === 'string' ? [code] : []))
    expect(logged).toEqual(body.warnings.map(({ code }) => code))
  }
  return body.warnings.map(({ code }) => code)
}

test.skipIf(!canOwnRedis)('a Redis that evicts stops the boot with one line, unless that is allowed', async () => {
  const { url } = await ownRedis(['--maxmemory-policy', 'allkeys-lru'])
  for (const role of ['api', 'worker'] as const) {
    const { role: spawned } = spawnRole(role, { REDIS_URL: url, KEY_PREFIX: keyPrefix() })
    expect(await spawned.ended).toBe(1)
    expect(spawned.stderr).toEqual([
      expect.stringMatching(/^drover (api|worker): REDIS_URL: its maxmemory-policy is allkeys-lru, .*ALLOW_EVICTION=1/),
    ])
  }
  expect(await warningsOf({ REDIS_URL: url, ALLOW_EVICTION: '1' })).toEqual(['redis_evicts'])
})

test.skipIf(!canOwnRedis)('a Redis without an append-only file is a warning, and a fit one is none', async () => {
  const { url } = await ownRedis(['--appendonly', 'no'])
  expect(await warningsOf({ REDIS_URL: url })).toEqual(['redis_not_durable'])
  const fit = await ownRedis([])
  expect(await warningsOf({ REDIS_URL: fit.url })).toEqual([])
})

test.skipIf(!canOwnRedis)('a Redis that does not say how it is configured is used, with a warning', async () => {
  const redis = await ownRedis([])
  const log = pino({ level: 'silent' })
  const admin = await connectRedis({ url: redis.url, role: 'client', name: 'test', log })
  onTestFinished(() => admin.disconnect())
  await admin.call('ACL', 'SETUSER', 'plain', 'on', '>secret', '~*', '&*', '+@all', '-info', '-config')
  const url = redis.url.replace('redis://', 'redis://plain:secret@')
  // BullMQ's workers need INFO.
  expect(await warningsOf({ REDIS_URL: url }, 0)).toEqual(['redis_not_checked'])
})

test.skipIf(!canOwnRedis)('what changes in Redis while a process runs becomes a warning, and ends as one', async () => {
  const redis = await ownRedis([])
  const logged: unknown[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => logged.push(JSON.parse(line)) })
  const client = await connectRedis({ url: redis.url, role: 'client', name: 'test', log: pino({ level: 'silent' }) })
  onTestFinished(() => client.disconnect())
  const fitness = await watchFitness(client, { allowEviction: false, log, everyMs: 20 })
  onTestFinished(() => fitness.stop())
  const codes = () => fitness.warnings().map(({ code }) => code)
  expect(codes()).toEqual([])
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
  await vi.waitFor(() => expect(codes()).toEqual(['redis_evicts']), 10_000)
  await client.config('SET', 'appendonly', 'no')
  await vi.waitFor(() => expect(codes()).toEqual(['redis_evicts', 'redis_not_durable']), 10_000)
  await client.config('SET', 'maxmemory-policy', 'noeviction')
  await vi.waitFor(() => expect(codes()).toEqual(['redis_not_durable']), 10_000)
  expect(logged).toMatchObject([
    { level: 40, code: 'redis_evicts' },
    { level: 40, code: 'redis_not_durable' },
    { level: 30, code: 'redis_evicts' },
  ])
})

test.skipIf(!canOwnRedis)('a 503 says that a request may have taken effect only where it may', async () => {
  const redis = await ownRedis([])
  const { api } = await startStack({ workers: 0, env: { REDIS_URL: redis.url, REDIS_COMMAND_TIMEOUT_MS: '300' } })
  const detailOf = async (answer: Promise<{ status: number; body: unknown }>) => {
    const { status, body } = await answer
    expect(status).toBe(503)
    return String(Object(body).detail)
  }
  const { body } = await submit(api.url, 'echo', 1)
  const read = () => send('GET', `${api.url}/v1/jobs/${body.id}`)
  redis.freeze()
  expect(await detailOf(submit(api.url, 'echo', 1))).toMatch(/REDIS_COMMAND_TIMEOUT_MS.*may have taken effect/)
  expect(await detailOf(read())).toMatch(/REDIS_COMMAND_TIMEOUT_MS\): try again\.$/)
  redis.thaw()
  await redis.kill()
  const refused = async () => {
    const details = [await detailOf(submit(api.url, 'echo', 1)), await detailOf(read())]
    expect(details).toEqual(Array(2).fill('Redis cannot be reached, or accepts no commands at the moment: try again.'))
  }
  await expect.poll(async () => refused().then(() => true)).toBe(true)
})
