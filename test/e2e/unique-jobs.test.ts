import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { send } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** The machine may be busy. */
const patience = { timeout: 120_000 }
const busy = { withinMs: 60_000 }

const jobFile = `
import { defineJob } from '${new URL('../../src/jobs/define-job.ts', import.meta.url).href}'
import { z } from 'zod'
export default defineJob({
  type: 'refresh-account',
  title: 'Refresh an account',
  runsOn: 'event-loop',
  input: z.object({ account: z.string() }),
  output: z.string(),
  unique: { key: ({ account }) => account === '' ? undefined : account, onConflict: 'reject' },
  async run({ account }) { return account },
})
`

/** A stack whose queue `io` is paused, and how its clients of two tenants submit. */
async function world() {
  const folder = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'refresh-account.ts'), jobFile)
  const admin = makeKey('acme', ['admin'])
  const plain = makeKey('acme', ['submit', 'read'])
  const blind = makeKey('acme', ['submit'])
  const other = makeKey('globex', ['submit', 'read', 'cancel'])
  const small = makeKey('initech', ['submit', 'read'])
  const full = makeKey('hooli', ['submit', 'read'])
  const { path } = await keysFile([admin, plain, blind, other, small, full], {
    acme: { max_queued: 1000 },
    globex: { max_priority: 4 },
    initech: { max_bytes: 100_000 },
    hooli: { max_queued: 1 },
  })
  const { api } = await startStack({ env: { API_KEYS_FILE: path, JOBS_DIR: folder } })
  const call = <T = JobResource>(
    method: string,
    url: string,
    body?: unknown,
    more: Record<string, string> = {},
    by = admin,
  ) =>
    send<T>(method, `${api.url}${url}`, {
      headers: { ...by.headers, ...more },
      ...(body === undefined ? {} : { body }),
    })
  const submit = (fields: Record<string, unknown>, more: Record<string, string> = {}, by = admin) =>
    call('POST', '/v1/jobs', { type: 'echo', input: 1, ...fields }, more, by)
  const pause = (how: 'pause' | 'resume') => call('POST', `/v1/queues/io/${how}`)
  return { call, submit, pause, plain, blind, other, small, full }
}

test('what a client gets whose unique key another job holds', patience, async () => {
  const { call, submit, pause, plain, blind, other, small } = await world()
  await pause('pause')
  const unique = { key: 'account-7' }
  const first = await submit({ unique })
  expect([first.status, first.headers.get('deduplicated')]).toEqual([202, null])
  expect(first.body.unique).toEqual({ key: 'account-7', until: 'ended', for_ms: null, on_conflict: 'existing' })

  const joined = await submit({ unique, input: 2 }, { 'idempotency-key': 'a' })
  expect([joined.status, joined.headers.get('deduplicated'), joined.headers.get('location')]).toEqual([
    200,
    'joined',
    `/v1/jobs/${first.body.id}`,
  ])
  expect(joined.body).toMatchObject({ id: first.body.id, state: 'queued', input: 1 })
  const replayed = await submit({ unique, input: 2 }, { 'idempotency-key': 'a' })
  expect([replayed.body.id, replayed.headers.get('idempotent-replayed')]).toEqual([first.body.id, 'true'])

  // A key that may only submit learns nothing of what another client has submitted, nor when it repeats its request.
  for (const _ of ['first', 'repeated']) {
    const hidden = await submit({ unique, input: 9 }, { 'idempotency-key': 'b' }, blind)
    expect(hidden.body).toMatchObject({ id: first.body.id, state: 'queued', input: null, unique: null })
  }

  const rejected = await submit({ unique: { ...unique, on_conflict: 'reject' } })
  expect(rejected).toMatchObject({ status: 409, body: { code: 'unique_conflict', job_id: first.body.id } })
  expect((await submit({ unique: { ...unique, on_conflict: 'replace' } }, {}, plain)).body).toMatchObject({
    code: 'forbidden',
  })
  expect((await submit({ unique }, {}, other)).status).toBe(202)

  const replacing = await submit({ unique: { ...unique, on_conflict: 'replace' }, input: 3 })
  expect([replacing.status, replacing.headers.get('deduplicated')]).toEqual([200, 'replaced'])
  expect((await call('GET', `/v1/jobs/${first.body.id}`)).body).toMatchObject({ state: 'canceled' })
  const conflict = await call('POST', `/v1/jobs/${first.body.id}/retry`)
  expect(conflict).toMatchObject({ status: 409, body: { code: 'unique_conflict', job_id: replacing.body.id } })

  // A refused submission takes nothing of the bytes that a tenant may store, alone or in a batch.
  const conflicting = { type: 'echo', input: 'x'.repeat(30_000), unique: { ...unique, on_conflict: 'reject' } }
  expect((await submit({ unique }, {}, small)).status).toBe(202)
  for (let n = 0; n < 6; n++) expect((await submit(conflicting, {}, small)).status).toBe(409)
  for (let n = 0; n < 4; n++) {
    const { status, body } = await call<{ items: { status: number }[] }>(
      'POST',
      '/v1/jobs/batch',
      { jobs: [conflicting, { ...conflicting, unique }] },
      {},
      small,
    )
    expect([status, ...body.items.map((item) => item.status)]).toEqual([200, 409, 200])
  }

  // Two clients at once, by one connection each.
  const both = await Promise.all([submit({ unique: { key: 'two' } }), submit({ unique: { key: 'two' } })])
  expect(new Set(both.map(({ body }) => body.id)).size).toBe(1)
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 202])

  const waiting = submit({ unique }, { prefer: 'wait=50' })
  await pause('resume')
  const waited = await waiting
  expect(waited).toMatchObject({ status: 200, body: { id: replacing.body.id, state: 'succeeded', output: 3 } })
  expect(waited.headers.get('deduplicated')).toBe('joined')
  expect((await submit({ unique })).status).toBe(202)

  const timed = { key: 'timed', for_ms: 600_000 }
  const ended = await submit({ unique: timed }, { prefer: 'wait=50' })
  expect(ended.body.state).toBe('succeeded')
  const hidden = await submit({ unique: timed }, { prefer: 'wait=50' }, blind)
  expect(hidden.body).toMatchObject({ id: ended.body.id, state: 'succeeded', output: null, attempts: [] })
  const instead = await submit({ unique: { ...timed, on_conflict: 'replace' } })
  expect([instead.status, instead.headers.get('deduplicated')]).toEqual([202, null])
  expect((await submit({ unique: timed })).body.id).toBe(instead.body.id)

  const concurrency = { key: 'c', limit: 1, on_full: 'reject' }
  await pause('pause')
  const waits = { key: 'waits' }
  const held = await submit({ unique: waits })
  expect((await submit({ concurrency })).status).toBe(202)
  const refused = await submit({ concurrency, unique: { ...waits, on_conflict: 'replace' } })
  expect(refused).toMatchObject({ status: 409, body: { code: 'concurrency_full' } })
  expect((await call('GET', `/v1/jobs/${held.body.id}`)).body).toMatchObject({ state: 'queued' })
})

test('a submission that joins a job needs no room', patience, async () => {
  const { submit, pause, full, call } = await world()
  await pause('pause')
  const unique = { key: 'report' }
  const first = await submit({ unique }, {}, full)
  expect(first.status).toBe(202)
  expect((await submit({}, {}, full)).status).toBe(429)
  const joined = await submit({ unique }, {}, full)
  expect(joined).toMatchObject({ status: 200, body: { id: first.body.id } })
  expect(joined.headers.get('deduplicated')).toBe('joined')
  const refused = await submit({ unique: { ...unique, on_conflict: 'reject' } }, {}, full)
  expect(refused).toMatchObject({ status: 409, body: { code: 'unique_conflict' } })
  expect((await submit({ unique: { key: 'other' } }, {}, full)).status).toBe(429)
  const keyed = () => submit({ unique }, { 'idempotency-key': 'k' }, full)
  expect(await keyed()).toMatchObject({ status: 200, body: { id: first.body.id } })
  const replayed = await keyed()
  expect(replayed.body.id).toBe(first.body.id)
  expect(replayed.headers.get('idempotent-replayed')).toBe('true')
  // What was joined took no place.
  await pause('resume')
  await waitFor(
    'its end',
    () => call('GET', `/v1/jobs/${first.body.id}`, undefined, {}, full),
    ({ body }) => body.state === 'succeeded',
    busy,
  )
  expect((await submit({ unique }, {}, full)).status).toBe(202)
})

test('a running job is replaced with proof, types bring keys of their own, and what is refused', patience, async () => {
  const { call, submit, pause, plain, other } = await world()
  const running = await submit({ type: 'sleep', input: { duration_ms: 60_000, steps: 600 }, unique: { key: 's' } })
  await waitFor(
    'its start',
    () => call('GET', `/v1/jobs/${running.body.id}`),
    ({ body }) => body.state === 'running',
    busy,
  )
  const next = await submit({ unique: { key: 's', on_conflict: 'replace' } }, { prefer: 'wait=50' })
  expect([next.status, next.headers.get('deduplicated'), next.body.state]).toEqual([200, 'replaced', 'succeeded'])
  expect((await call('GET', `/v1/jobs/${running.body.id}`, undefined, { prefer: 'wait=50' })).body).toMatchObject({
    state: 'canceled',
    error: { code: 'canceled', stopped: 'cooperatively' },
  })

  await pause('pause')
  const refresh = (account: string) => submit({ type: 'refresh-account', input: { account } }, {}, plain)
  const own = await refresh('7')
  expect(own.body.unique).toMatchObject({ key: '7', on_conflict: 'reject' })
  expect((await refresh('7')).body).toMatchObject({ code: 'unique_conflict', job_id: own.body.id })
  expect((await refresh('')).body.unique).toBeNull()
  expect((await refresh('x'.repeat(257))).body).toMatchObject({
    code: 'invalid_request',
    errors: [{ pointer: '/input' }],
  })

  const mistakes = async (fields: Record<string, unknown>, by = plain) =>
    (
      await call<{ errors?: { pointer: string }[] }>('POST', '/v1/jobs', { type: 'echo', input: 1, ...fields }, {}, by)
    ).body.errors?.map(({ pointer }) => pointer)
  expect(await mistakes({ unique: { key: '' } })).toEqual(['/unique/key'])
  expect(await mistakes({ unique: { key: 'k', until: 'ended', for_ms: 5 } })).toEqual(['/unique/for_ms'])
  expect(await mistakes({ unique: { key: 'k', on_conflict: 'after' } })).toEqual(['/unique/on_conflict'])
  expect(await mistakes({ debounce: { key: 'k', quiet_ms: 10, most_ms: 5 } })).toEqual(['/debounce/most_ms'])
  expect(await mistakes({ debounce: { key: 'k', quiet_ms: 10 }, delay_ms: 5 })).toEqual(['/delay_ms'])
  expect(await mistakes({ debounce: { key: 'k', quiet_ms: 10 }, unique: { key: 'k' } })).toEqual(['/debounce'])
  expect(await mistakes({ priority: 5 }, other)).toEqual(['/priority'])
  expect((await submit({ priority: 4 }, {}, other)).status).toBe(202)
  const flow = { flow: { type: 'echo', input: 1, unique: { key: 'k' }, debounce: { key: 'k', quiet_ms: 5 } } }
  expect((await call('POST', '/v1/flows', flow)).body).toMatchObject({
    errors: [{ pointer: '/flow/unique' }, { pointer: '/flow/debounce' }],
  })
})

test('a debounced job runs once, and a tick whose key is held is skipped', patience, async () => {
  const { call, submit, pause } = await world()
  const debounce = { key: 'search-index', quiet_ms: 700, most_ms: 60_000 }
  const first = await submit({ debounce, input: 1, metadata: { page: '1' } })
  expect([first.status, first.body.state]).toEqual([202, 'scheduled'])
  const second = await submit({ debounce, input: 2, metadata: { page: '2' } })
  expect([second.status, second.headers.get('deduplicated'), second.body.id]).toEqual([200, 'replaced', first.body.id])
  expect(second.body).toMatchObject({ input: 2, created_at: first.body.created_at, metadata: { page: '2' } })
  expect(Date.parse(second.body.run_at ?? '')).toBeGreaterThan(Date.parse(first.body.run_at ?? ''))
  const done = await call('GET', `/v1/jobs/${first.body.id}`, undefined, { prefer: 'wait=50' })
  expect(done.body).toMatchObject({ state: 'succeeded', output: 2 })
  expect((await submit({ debounce })).status).toBe(202)

  await pause('pause')
  const holder = await submit({ unique: { key: 'tick' } })
  const job = { type: 'echo', input: 1, unique: { key: 'tick' } }
  await call('PUT', '/v1/schedules/often', { every_ms: 1000, job })
  const skipped = await waitFor(
    'a tick to be skipped',
    () => call<{ skipped_runs: number; last_job_id: string | null }>('GET', '/v1/schedules/often'),
    ({ body }) => body.skipped_runs > 0,
    busy,
  )
  expect(skipped.body.last_job_id).toBeNull()
  await call('POST', `/v1/jobs/${holder.body.id}/cancel`)
  await waitFor(
    'a tick to run',
    () => call<{ last_job_id: string | null }>('GET', '/v1/schedules/often'),
    ({ body }) => body.last_job_id !== null,
    busy,
  )
})
