import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit, watchToEnd } from '../helpers/client.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { spawnRole, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { patience } from '../ledger/scenario.ts'
import { addUser, documentedRules, refusals } from './documented-user.ts'
import { testClient } from './sentinels.ts'

const password = 'p/ss w0rd'

/** A server that accepts only the documented user and the test itself. */
async function startGuardedRedis() {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.close())
  const admin = testClient(redis.port, onTestFinished)
  await addUser([admin], documentedRules(), password)
  return { redis, admin, url: `redis://drover:${encodeURIComponent(password)}@127.0.0.1:${redis.port}` }
}

test.skipIf(!canOwnRedis)('the rights of the documented user suffice for jobs of every kind', patience, async () => {
  const { admin, url } = await startGuardedRedis()
  const env = { REDIS_URL: url, KEY_PREFIX: 'drover', LOCK_MS: '1000', RESULT_TTL_MS: '2000', SHUTDOWN_GRACE_MS: '0' }
  const stack = await startStack({ env })
  const { api, workers } = stack

  const streamed = await submit(api.url, 'sleep', { duration_ms: 200, steps: 2 }, { delay_ms: 50, deadline_ms: 60_000 })
  expect((await watchToEnd(api.url, streamed.body.id)).at(-1)).toMatchObject({ event: 'done' })
  for (const type of ['burn-cpu', 'burn-cpu-isolated']) {
    expect(await submit(api.url, type, { duration_ms: 1 }, { waitS: 10 })).toMatchObject({
      body: { state: 'succeeded' },
    })
  }
  const failing = { duration_ms: 1, fail_at: 0 }
  const backoff = { type: 'fixed', delay_ms: 10, jitter: 0 }
  const failed = await submit(api.url, 'sleep', failing, { attempts: 2, backoff, waitS: 10 })
  expect(failed.body).toMatchObject({ state: 'failed', attempt: 2 })
  expect(await send('POST', `${api.url}/v1/jobs/${failed.body.id}/retry`)).toMatchObject({ status: 202 })
  const keyed = { body: { type: 'echo', input: 1 }, headers: { 'idempotency-key': 'once' } }
  const once = await send<JobResource>('POST', `${api.url}/v1/jobs`, keyed)
  expect(await send('POST', `${api.url}/v1/jobs`, keyed)).toMatchObject({ status: 202, body: { id: once.body.id } })
  const waiting = await submit(api.url, 'echo', 1, { delay_ms: 60_000, start_within_ms: 120_000 })
  const running = await submit(api.url, 'sleep', { duration_ms: 60_000 })
  await waitFor(
    'the job to run',
    () => read(api.url, running.body.id),
    ({ body }) => body.state === 'running',
  )
  expect(await send('POST', `${api.url}/v1/jobs/${waiting.body.id}/cancel`)).toMatchObject({ status: 200 })
  expect(await send('POST', `${api.url}/v1/jobs/${running.body.id}/cancel`)).toMatchObject({ status: 202 })
  expect(await read(api.url, running.body.id, 10)).toMatchObject({ body: { state: 'canceled' } })
  expect(await send('DELETE', `${api.url}/v1/jobs/${waiting.body.id}`)).toMatchObject({ status: 204 })
  const every = { every_ms: 1000, job: { type: 'echo', input: 1 } }
  expect(await send('PUT', `${api.url}/v1/schedules/every`, { body: every })).toMatchObject({ status: 201 })
  for (const path of [
    'jobs',
    `jobs/${failed.body.id}/logs`,
    `jobs/${failed.body.id}/deliveries`,
    'queues',
    'schedules',
  ]) {
    const answer = await send('GET', `${api.url}/v1/${path}`)
    expect([answer.status, await refusals([admin])]).toEqual([200, []])
  }

  const left = await submit(api.url, 'sleep', { duration_ms: 300 })
  await waitFor(
    'the job to run',
    () => read(api.url, left.body.id),
    ({ body }) => body.state === 'running',
  )
  workers[0]?.signal('SIGKILL')
  await workers[0]?.ended
  await stack.addWorker()
  expect(await read(api.url, left.body.id, 20)).toMatchObject({ body: { state: 'succeeded' } })
  for (const action of ['pause', 'resume']) {
    expect(await send('POST', `${api.url}/v1/queues/io/${action}`)).toMatchObject({ status: 200 })
  }
  await waitFor(
    'the sweeper to remove ended jobs',
    () => read(api.url, once.body.id),
    ({ status }) => status === 404,
  )
  expect(await refusals([admin])).toEqual([])
})

test.skipIf(!canOwnRedis)('the documented user has no other rights', async () => {
  const { redis } = await startGuardedRedis()
  const client = new Redis(redis.port, '127.0.0.1', { username: 'drover', password })
  onTestFinished(() => client.disconnect())
  expect(await client.set('drover:{io}:x', 1)).toBe('OK')
  const refused = [
    () => client.get('another:key'),
    () => client.publish('another', ''),
    () => client.eval("return redis.call('GET', 'another:key')", 0),
    () => client.flushall(),
    () => client.keys('*'),
    () => client.config('GET', 'requirepass'),
    () => client.call('ACL', 'LIST'),
  ]
  for (const command of refused) await expect(command()).rejects.toThrow(/NOPERM|can't access/)
})

test('the documented user may call every command in the scripts and files of src/queue', () => {
  const allowed = new Set(documentedRules().map((rule) => rule.replace('+', '')))
  const inScripts = namesIn('**/*.lua', /redis\.p?call\('(\w+(?:', 'NUMSUB)?)'/g).map((name) =>
    name.replace("', '", '|'),
  )
  const commands = new Set(new Redis({ lazyConnect: true }).getBuiltinCommands())
  const inFiles = namesIn('**/*.ts', /(?:redis|client|subscriber)\s*\.(\w+?)(?:Buffer)?\(/g).filter((name) =>
    commands.has(name),
  )
  expect(new Set([...inScripts, ...inFiles]).difference(allowed)).toEqual(new Set())
  expect(inScripts.length).toBeGreaterThan(50)
  expect(inFiles.length).toBeGreaterThan(15)
})

function namesIn(files: string, pattern: RegExp): string[] {
  const paths = globSync(join(import.meta.dirname, '../../src/queue', files))
  return paths.flatMap((path) =>
    Array.from(readFileSync(path, 'utf8').matchAll(pattern), ([, name = '']) => name.toLowerCase()),
  )
}

test.skipIf(!canOwnRedis)(
  'a wrong password is reported at boot, and no output contains a password',
  patience,
  async () => {
    const { redis } = await startGuardedRedis()
    for (const name of ['api', 'worker'] as const) {
      const { role } = spawnRole(name, {
        REDIS_URL: `redis://drover:wr0ng@127.0.0.1:${redis.port}`,
        LOG_LEVEL: 'trace',
      })
      expect(await role.ended).toBe(1)
      expect(role.stderr).toEqual([expect.stringMatching(/REDIS_URL: .*\(WRONGPASS/)])
      expect(JSON.stringify([role.stderr, role.logs])).not.toContain('wr0ng')
    }
  },
)
