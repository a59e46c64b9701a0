import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** The machine may be busy. */
const patience = { timeout: 120_000 }

const jobFile = `
import { defineJob } from '${new URL('../../src/jobs/define-job.ts', import.meta.url).href}'
import { z } from 'zod'
export default defineJob({
  type: 'sync-account',
  title: 'Sync an account',
  runsOn: 'event-loop',
  input: z.object({ account: z.string() }),
  output: z.string(),
  concurrency: { key: ({ account }) => account === '' ? undefined : account, limit: 2 },
  rate: { key: ({ account }) => account, limit: 1000, perMs: 1000, burst: 10 },
  fairnessKey: ({ account }) => account,
  async run({ account }) { return account },
})
`

interface Refused {
  code: string
  errors?: { pointer: string }[]
}

test('limits from outside hold in place of what jobs say, and bound a queue', patience, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'sync-account.ts'), jobFile)
  const { api } = await startStack({ env: { JOBS_DIR: folder } })
  const limits = (key: string, kind = 'concurrency') =>
    `${api.url}/v1/queues/io/limits/${kind}/${encodeURIComponent(key)}`
  const key = 'a/b ü'
  expect(await send('PUT', limits(key), { body: { limit: 0 } })).toMatchObject({
    status: 200,
    body: { queue: 'io', kind: 'concurrency', tenant: '-', key, limit: 0, per_ms: null, burst: null },
  })
  const held = await submit(api.url, 'sync-account', { account: key })
  expect(held.body).toMatchObject({
    state: 'queued',
    held_by: { kind: 'concurrency', key, limit: 0, running: 0 },
    concurrency: { key, limit: 2, on_full: 'wait' },
    rate: { key, limit: 1000, per_ms: 1000, burst: 10 },
    fairness_key: key,
  })
  expect((await send('GET', limits(key))).body).toMatchObject({ limit: 0 })
  expect((await send('DELETE', limits(key))).status).toBe(204)
  expect((await read(api.url, held.body.id, 10)).body.state).toBe('succeeded')
  expect(await send('GET', limits(key))).toMatchObject({ status: 404, body: { code: 'limit_not_found' } })

  // A rate that is reached, and goes.
  await send('PUT', limits('r', 'rate'), { body: { limit: 1, per_ms: 3_600_000 } })
  const rate = { key: 'r', limit: 1000, per_ms: 1 }
  expect((await submit(api.url, 'echo', 1, { rate, waitS: 10 })).body.state).toBe('succeeded')
  const second = await submit(api.url, 'echo', 2, { rate })
  const late = await waitFor(
    'its hold',
    () => read(api.url, second.body.id),
    ({ body }) => body.held_by !== null,
  )
  expect(late.body.held_by).toMatchObject({ kind: 'rate', key: 'r', limit: 1 })
  expect(Date.parse(late.body.held_by?.eligible_at ?? '') - Date.now()).toBeGreaterThan(3_000_000)
  await send('DELETE', limits('r', 'rate'))
  expect((await read(api.url, second.body.id, 10)).body.state).toBe('succeeded')

  // A tenant, whose job runs already.
  const first = await submit(api.url, 'sleep', { duration_ms: 60_000 })
  await waitFor(
    'its start',
    () => read(api.url, first.body.id),
    ({ body }) => body.state === 'running',
  )
  await send('PUT', limits('-', 'tenant'), { body: { limit: 1 } })
  const other = await submit(api.url, 'echo', 3)
  const waiting = await waitFor(
    'its hold',
    () => read(api.url, other.body.id),
    ({ body }) => body.held_by !== null,
  )
  expect(waiting.body.held_by).toMatchObject({ kind: 'tenant', key: '-', limit: 1, running: 1 })
  await send('DELETE', limits('-', 'tenant'))
  expect((await read(api.url, other.body.id, 10)).body.state).toBe('succeeded')

  // A type, one of whose jobs runs already. Others pass by.
  const ofType = { queue: 'io', kind: 'type', tenant: null, key: 'sleep', limit: 1 }
  expect(await send('PUT', limits('sleep', 'type'), { body: { limit: 1 } })).toMatchObject({
    status: 200,
    body: ofType,
  })
  expect((await send('GET', limits('sleep', 'type'))).body).toMatchObject(ofType)
  const sleeper = await submit(api.url, 'sleep', { duration_ms: 1 })
  expect((await submit(api.url, 'echo', 5, { waitS: 10 })).body.state).toBe('succeeded')
  const holding = await waitFor(
    'its hold',
    () => read(api.url, sleeper.body.id),
    ({ body }) => body.held_by !== null,
  )
  expect(holding.body.held_by).toMatchObject({ kind: 'type', key: 'sleep', limit: 1, running: 1 })
  const { reasons } = (await send<{ reasons: object[] }>('GET', `${api.url}/v1/jobs/${sleeper.body.id}/explain`)).body
  expect(reasons).toMatchObject([{ kind: 'type', key: 'sleep', holders: [first.body.id] }])
  expect((await send('GET', `${api.url}/v1/queues/io`)).body).toMatchObject({
    counts: { queued: 0, held: 1, running: 1 },
  })
  expect((await send('DELETE', limits('sleep', 'type'))).status).toBe(204)
  expect((await read(api.url, sleeper.body.id, 10)).body.state).toBe('succeeded')

  const url = `${api.url}/v1/queues/io`
  const bounds = { max_running: 1, rate: { limit: 50, per_ms: 1000 } }
  expect(await send('PUT', url, { body: bounds })).toMatchObject({ status: 200, body: bounds })
  const behind = await submit(api.url, 'echo', 4)
  expect((await read(api.url, behind.body.id)).body.held_by).toMatchObject({ kind: 'queue', key: 'io', limit: 1 })
  expect((await send('PUT', url, { body: {} })).body).toMatchObject({ max_running: null, rate: null })
  expect((await read(api.url, behind.body.id, 10)).body.state).toBe('succeeded')
  await send('POST', `${api.url}/v1/jobs/${first.body.id}/cancel`)

  const refused = async (method: string, at: string, body: unknown) => {
    const answer = await send<Refused>(method, at, { body })
    return [answer.status, answer.body.code, ...(answer.body.errors ?? []).map(({ pointer }) => pointer)]
  }
  expect(await refused('PUT', limits('k'), { limit: -1 })).toEqual([400, 'invalid_request', '/limit'])
  expect(await refused('PUT', limits('k', 'rate'), { limit: 1 })).toEqual([400, 'invalid_request', '/per_ms'])
  expect(await refused('PUT', limits('k'), { limit: 1, per_ms: 1 })).toEqual([400, 'invalid_request', '/per_ms'])
  expect((await refused('PUT', limits('k', 'kind'), { limit: 1 }))[0]).toBe(400)
  expect(await refused('PUT', limits('k', 'type'), { limit: 1, burst: 1 })).toEqual([400, 'invalid_request', '/per_ms'])
  expect(await refused('PUT', `${api.url}/v1/queues/none/limits/rate/k`, { limit: 1, per_ms: 1 })).toEqual([
    404,
    'queue_not_found',
  ])
  expect(await refused('PUT', url, { max_running: 0 })).toEqual([400, 'invalid_request', '/max_running'])
  const job = { type: 'echo', input: 1 }
  const submitted = (fields: object) => refused('POST', `${api.url}/v1/jobs`, { ...job, ...fields })
  expect(await submitted({ concurrency: { key: 'x'.repeat(257) } })).toEqual([
    400,
    'invalid_request',
    '/concurrency/key',
  ])
  expect(await submitted({ rate: { key: 'x', limit: 0, per_ms: 1 } })).toEqual([400, 'invalid_request', '/rate/limit'])
  expect(await submitted({ fairness_key: '' })).toEqual([400, 'invalid_request', '/fairness_key'])
  const flow = { ...job, concurrency: { key: 'x', on_full: 'reject' } }
  expect(await refused('POST', `${api.url}/v1/flows`, { flow: { chain: [flow] } })).toEqual([
    400,
    'invalid_request',
    '/flow/chain/0/concurrency/on_full',
  ])
})

test('jobs of a flow and of a retry wait for their key, and a key needs the scope to replace', patience, async () => {
  const [one, submitter] = [makeKey('acme', ['admin']), makeKey('acme', ['submit', 'read'])]
  const { path } = await keysFile([one, submitter], { acme: { max_running: 2 } })
  const { api } = await startStack({ env: { API_KEYS_FILE: path } })
  const call = <T = JobResource>(method: string, at: string, body?: unknown, by = one) =>
    send<T>(method, `${api.url}${at}`, {
      headers: { ...by.headers, prefer: 'wait=50' },
      ...(body !== undefined && { body }),
    })
  const concurrency = { key: 'k' }
  const node = { type: 'sleep', input: { duration_ms: 200 }, concurrency }
  const flow = await call<{ state: string; id: string }>('POST', '/v1/flows', { flow: { gather: [node, node, node] } })
  expect(flow.body.state).toBe('succeeded')
  const { items } = (await call<{ items: JobResource[] }>('GET', '/v1/jobs?type=sleep')).body
  const times = items
    .map(({ started_at, finished_at }) => [started_at ?? '', finished_at ?? ''])
    .toSorted(([a = ''], [b = '']) => a.localeCompare(b))
  expect(times).toHaveLength(3)
  for (let n = 1; n < times.length; n++) expect((times[n]?.[0] ?? '') >= (times[n - 1]?.[1] ?? '')).toBe(true)

  const backoff = { type: 'fixed', delay_ms: 100, jitter: 0 }
  const failing = { type: 'sleep', input: { duration_ms: 100, fail_at: 0 }, attempts: 2, backoff, concurrency }
  const failed = await call('POST', '/v1/jobs', failing)
  expect(failed.body).toMatchObject({ state: 'failed', attempt: 2 })
  expect((await call('POST', `/v1/jobs/${failed.body.id}/retry`)).status).toBe(202)
  expect((await call('GET', `/v1/jobs/${failed.body.id}`)).body).toMatchObject({ state: 'failed', run: 2 })
  expect((await call('POST', '/v1/jobs', { type: 'echo', input: 1, concurrency })).body.state).toBe('succeeded')
  const replace = { type: 'echo', input: 1, concurrency: { key: 'k', on_full: 'replace' } }
  expect(await call('POST', '/v1/jobs', replace, submitter)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect((await call('POST', '/v1/jobs', replace)).body.state).toBe('succeeded')
})
