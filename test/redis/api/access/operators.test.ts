import { expect, test } from 'vitest'
import type { JobResource } from '../../../../src/api/jobs/job-resource.ts'
import { send } from '../../../helpers/client.ts'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { Series } from '../../../helpers/series.ts'
import { startStack } from '../../../helpers/stack.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

/** Each test starts some processes. */
const patience = { timeout: 120_000 }
const job = { type: 'echo', input: 1 }

test(
  'a key with the scope admin reads what belongs to other tenants, and changes nothing there',
  patience,
  async () => {
    const [acme, house, other] = [makeKey('acme'), makeKey('house', ['admin']), makeKey('other')]
    const { path } = await keysFile([acme, house, other])
    const { api } = await startStack({ env: { API_KEYS_FILE: path } })
    const call = <T = { id: string; items: { id: string }[] }>(
      key: typeof acme,
      method: string,
      to: string,
      body?: unknown,
    ) => send<T>(method, api.url + to, { body, headers: { ...key.headers, prefer: 'wait=50' } })
    const { body: done } = await call(acme, 'POST', '/v1/jobs', job)
    const { body: flow } = await call(acme, 'POST', '/v1/flows', { flow: job })
    const { body: scheduled } = await call(acme, 'POST', '/v1/jobs', { ...job, delay_ms: 600_000 })
    await call(acme, 'PUT', '/v1/schedules/nightly', { every_ms: 3_600_000, job })

    const reads = [
      ...['', '/output', '/events', '/logs', '/deliveries'].map((part) => `/v1/jobs/${done.id}${part}`),
      ...['', '/results', '/deliveries'].map((part) => `/v1/flows/${flow.id}${part}`),
    ]
    for (const to of reads) {
      const answer = await fetch(api.url + to, { headers: house.headers })
      expect(answer.status, to).toBe(200)
      await answer.body?.cancel()
      expect((await call(other, 'GET', to)).status, to).toBe(404)
    }
    const ids = async (to: string) => (await call(house, 'GET', to)).body.items.map(({ id }) => id)
    expect(await ids('/v1/jobs?tenant=acme&type=echo')).toContain(done.id)
    expect(await ids('/v1/jobs')).toEqual([])
    expect(await ids('/v1/schedules?tenant=acme')).toEqual(['nightly'])
    expect((await call(house, 'GET', '/v1/schedules/nightly')).status).toBe(404)
    expect((await call(house, 'GET', '/v1/schedules/nightly?tenant=acme')).status).toBe(200)
    expect((await call(acme, 'GET', '/v1/jobs?tenant=acme')).body.items.length).toBeGreaterThan(1)
    for (const to of ['/v1/jobs?tenant=acme', '/v1/schedules?tenant=acme', '/v1/schedules/nightly?tenant=acme'])
      expect(await call(other, 'GET', to), to).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect((await call(house, 'GET', '/v1/jobs?tenant=a:b')).status).toBe(400)

    const writes = [
      ['POST', `/v1/jobs/${scheduled.id}/cancel`],
      ['POST', `/v1/jobs/${done.id}/retry`],
      ['DELETE', `/v1/jobs/${done.id}`],
      ['POST', `/v1/flows/${flow.id}/retry`],
      ['DELETE', '/v1/schedules/nightly'],
    ] as const
    for (const [method, to] of writes) expect((await call(house, method, to)).status, to).toBe(404)
    expect((await call(acme, 'POST', `/v1/jobs/${scheduled.id}/cancel`)).status).toBe(200)
  },
)

test('submissions, refusals and running jobs are counted by tenant, with few series', patience, async () => {
  const tenants = Array.from({ length: 120 }, (_, n) => makeKey(`t${n}`))
  const house = makeKey('house', ['admin'])
  const reader = makeKey('readers', ['read'])
  const { path } = await keysFile([...tenants, house, reader], { t0: { requests_per_minute: 3 } })
  const { api, addWorker } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const post = (headers: Record<string, string>, body: unknown = job) =>
    send<JobResource>('POST', `${api.url}/v1/jobs`, { body, headers })
  const [first] = tenants
  for (let n = 0; n < 5; n++) await post(first?.headers ?? {})
  await post(reader.headers)
  await post({ authorization: 'Bearer a.b' })
  for (const { headers } of tenants.slice(1)) expect((await post(headers)).status).toBe(202)
  const page = new Series(await (await fetch(`${api.url}/metrics`, { headers: house.headers })).text())
  const submitted = page.all('drover_tenant_jobs_submitted_total')
  expect(page.value('drover_tenant_jobs_submitted_total', { tenant: 't0' })).toBe(3)
  // 100 tenants had something counted, one of them a refusal alone; all others share a series.
  expect(submitted).toHaveLength(100)
  expect(submitted.reduce((sum, { value }) => sum + value, 0)).toBe(122)
  const refused = (tenant: string, code: string) => page.value('drover_tenant_refusals_total', { tenant, code })
  expect(refused('t0', 'quota_exceeded')).toBe(2)
  expect(refused('readers', 'forbidden')).toBe(1)
  expect(refused('none', 'unauthenticated')).toBe(1)

  const worker = await addWorker()
  const { body } = await post(tenants[1]?.headers ?? {}, { type: 'sleep', input: { duration_ms: 600_000 } })
  const running = async () =>
    new Series(await (await fetch(`http://127.0.0.1:${worker.port}/metrics`)).text()).value(
      'drover_tenant_running_jobs',
      {
        tenant: 't1',
      },
    )
  await waitFor('the job to run', running, (count) => count === 1, { withinMs: 60_000 })
  await send('POST', `${api.url}/v1/jobs/${body.id}/cancel`, { headers: tenants[1]?.headers ?? {} })
  await waitFor('the job to end', running, (count) => count === 0, { withinMs: 60_000 })
})

test('a browser that opens the documentation asks for a key, and sends it as name and password', patience, async () => {
  const [key, submitter] = [makeKey('acme', ['read']), makeKey('acme', ['submit'])]
  const { path } = await keysFile([key, submitter])
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const open = (to: string, headers: Record<string, string>) => fetch(api.url + to, { headers, redirect: 'manual' })
  const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
  for (const headers of [html, { ...html, authorization: basic('a:b') }]) {
    const asked = await open('/docs', headers)
    expect(asked.status).toBe(401)
    expect(asked.headers.get('www-authenticate')).toMatch(/^Basic realm="[^"]+"/)
    expect(asked.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await asked.text()).toContain('API key required')
  }
  const token = `${key.id}.${key.secret}`
  for (const text of [`${key.id}:${key.secret}`, `${token}:`, `:${token}`]) {
    for (const to of ['/docs', '/docs/static/index.html', '/openapi.json'])
      expect((await open(to, { ...html, authorization: basic(text) })).status, `${to} ${text}`).toBeLessThan(400)
  }
  expect((await open('/docs', { ...html, authorization: basic(`${submitter.id}:${submitter.secret}`) })).status).toBe(
    403,
  )
  // Other clients, and other routes, are as before.
  const plain = await open('/docs', {})
  expect([plain.status, plain.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  expect(await plain.json()).toMatchObject({ code: 'unauthenticated' })
  const api401 = await open('/v1/jobs', { ...html, authorization: basic(`${key.id}:${key.secret}`) })
  expect([api401.status, api401.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
})
