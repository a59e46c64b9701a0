import { expect, test } from 'vitest'
import type { JobResource } from '../../../../src/api/jobs/job-resource.ts'
import { send } from '../../../helpers/client.ts'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { spawnRole, startStack } from '../../../helpers/stack.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

/** Each test starts some processes. */
const patience = { timeout: 120_000 }
const echo = { type: 'echo', input: 1 }
const primes = { type: 'count-primes', input: { limit: 10 } }

test('a key that names types or queues submits nothing else, by any way', patience, async () => {
  const scopes = ['submit', 'read', 'cancel'] as const
  const all = makeKey('acme')
  const byType = makeKey('acme', [...scopes], null, { types: ['echo'] })
  const byQueue = makeKey('acme', [...scopes], null, { queues: ['io'] })
  const none = makeKey('acme', [...scopes], null, { types: [] })
  const { path } = await keysFile([all, byType, byQueue, none])
  const { api } = await startStack({ env: { API_KEYS_FILE: path } })
  const call = <T = { code: string; detail: string }>(key: typeof all, method: string, to: string, body?: unknown) =>
    send<T>(method, api.url + to, { body, headers: key.headers })

  const stopped = async (body: unknown, kind: 'jobs' | 'flows') => {
    const { body: made } = await call<JobResource>(all, 'POST', `/v1/${kind}`, body)
    await call(all, 'POST', `/v1/${kind}/${made.id}/cancel`)
    await waitFor(
      `the ${kind} to be canceled`,
      () => call<JobResource>(all, 'GET', `/v1/${kind}/${made.id}`),
      ({ body: now }) => now.state === 'canceled',
    )
    return `/v1/${kind}/${made.id}/retry`
  }
  const later = { run_at: '2100-01-01T00:00:00Z' }
  const retries = {
    echo: [await stopped({ ...echo, ...later }, 'jobs'), await stopped({ flow: { ...echo, ...later } }, 'flows')],
    primes: [
      await stopped({ ...primes, ...later }, 'jobs'),
      await stopped({ flow: { chain: [{ ...echo, ...later }, { map: { over: [1], node: primes } }] } }, 'flows'),
    ],
  }
  const ways = (job: typeof echo | typeof primes): [method: string, path: string, body: unknown][] => [
    ['POST', '/v1/jobs', job],
    ['POST', '/v1/flows', { flow: job }],
    ['POST', '/v1/flows', { flow: { chain: [echo, { gather: [echo, job] }] } }],
    ['POST', '/v1/flows', { flow: { map: { over: [1], node: job } } }],
    ['PUT', '/v1/schedules/a', { every_ms: 3_600_000, job }],
  ]
  for (const [method, to, body] of ways(primes)) {
    for (const key of [byType, byQueue, none])
      expect(await call(key, method, to, body), to).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  }
  for (const to of retries.primes) {
    for (const key of [byType, byQueue, none])
      expect(await call(key, 'POST', to), to).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  }
  for (const [method, to, body] of ways(echo)) {
    for (const key of [byType, byQueue, all])
      expect([200, 201, 202]).toContain((await call(key, method, to, body)).status)
    expect((await call(none, method, to, body)).status).toBe(403)
  }
  for (const to of retries.echo) expect((await call(byType, 'POST', to)).status).toBe(202)
  const refused = await call(byType, 'POST', '/v1/flows', { flow: { gather: [echo, primes] } })
  expect(refused.body.detail).toBe('/flow/gather/1: This key may not submit jobs of the type "count-primes".')
  expect((await call(byType, 'POST', '/v1/jobs', { type: 'nothing', input: 1 })).status).toBe(404)
})

test('JOB_TYPES limits the built-in types that are offered', patience, async () => {
  const { api, workers } = await startStack({ env: { JOB_TYPES: 'echo,count-primes' } })
  expect(workers).toHaveLength(1)
  const { body } = await send<{ items: { type: string }[] }>('GET', `${api.url}/v1/job-types`)
  expect(body.items.map(({ type }) => type).toSorted()).toEqual(['count-primes', 'echo'])
  const job = { type: 'http-request', input: { url: 'http://example.com/' } }
  expect((await send('POST', `${api.url}/v1/jobs`, { body: job })).status).toBe(404)
  const done = await send<JobResource>('POST', `${api.url}/v1/jobs`, { body: primes, headers: { prefer: 'wait=50' } })
  expect(done.body.state).toBe('succeeded')
  const { role } = spawnRole('api', { REDIS_URL: 'redis://127.0.0.1:1', JOB_TYPES: 'count-prime' })
  expect(await role.ended).toBe(1)
  expect(role.stderr.join('\n')).toContain('JOB_TYPES: there is no job type "count-prime"')
})
