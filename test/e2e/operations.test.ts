import { expect, test } from 'vitest'
import type { OperationResource } from '../../src/api/operations/operation-resource.ts'
import { send } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

type Headers = Record<string, string>

/** Submits the same job several times. @returns their ids */
async function submitMany(url: string, count: number, job: object, headers: Headers): Promise<string[]> {
  const { body } = await send<{ items: { job: { id: string } }[] }>('POST', `${url}/v1/jobs/batch`, {
    body: { jobs: Array.from({ length: count }, () => job) },
    headers,
  })
  return body.items.map((item) => item.job.id)
}

const begin = (url: string, body: unknown, headers: Headers) =>
  send<OperationResource>('POST', `${url}/v1/operations`, { body, headers })

/** The operation once it has ended. */
const endOf = (url: string, { id }: { id: string }, headers: Headers) =>
  waitFor(
    'the end of an operation',
    () => send<OperationResource>('GET', `${url}/v1/operations/${id}`, { headers: { ...headers, prefer: 'wait=50' } }),
    ({ body }) => body.done,
    { withinMs: 40_000 },
  ).then(({ body }) => body)

test('an operation counts, cancels, retries and deletes what matched when it was made, of its tenant alone', async () => {
  const [acme, beta, reader] = [makeKey('acme'), makeKey('beta'), makeKey('acme', ['read', 'submit'])]
  const { path } = await keysFile([acme, beta, reader])
  const { api } = await startStack({ env: { API_KEYS_FILE: path } })
  const { url } = api
  const { headers } = acme
  const job = { type: 'echo', input: 1, tags: ['batch-7'], delay_ms: 3_600_000 }
  const mine = await submitMany(url, 250, job, headers)
  const [theirs] = await submitMany(url, 1, job, beta.headers)
  const done = await send<{ id: string }>('POST', `${url}/v1/jobs`, {
    body: { type: 'echo', input: 1, tags: ['batch-7'] },
    headers: { ...headers, prefer: 'wait=50' },
  })
  const filter = { tag: 'batch-7' }

  const counted = await begin(url, { action: 'cancel', filter }, headers)
  expect(counted).toMatchObject({ status: 202, body: { state: 'queued', done: false, dry_run: true, filter } })
  expect(counted.headers.get('location')).toBe(`/v1/operations/${counted.body.id}`)
  expect(await endOf(url, counted.body, headers)).toMatchObject({ state: 'succeeded', matched: 251, skipped: 1 })
  const untouched = await send('GET', `${url}/v1/jobs/${mine[0]}`, { headers })
  expect(untouched.body).toMatchObject({ state: 'scheduled' })

  const { body: canceling } = await begin(url, { action: 'cancel', filter, dry_run: false }, headers)
  const late = await submitMany(url, 1, job, headers)
  const text = await fetch(`${url}/v1/operations/${canceling.id}/events`, { headers }).then((answer) => answer.text())
  expect(text).toMatch(/^retry: \d+\nid: \d+\nevent: snapshot\n/)
  expect(text.trimEnd().split('\n\n').at(-1)).toContain('event: done')
  const canceled = await endOf(url, canceling, headers)
  expect(canceled).toMatchObject({ matched: 251, succeeded: 250, failed: 0, skipped: 1, progress: { fraction: 1 } })
  for (const [id, state, of] of [
    [mine[7], 'canceled', headers],
    [late[0], 'scheduled', headers],
    [theirs, 'scheduled', beta.headers],
    [done.body.id, 'succeeded', headers],
  ] as const)
    expect((await send('GET', `${url}/v1/jobs/${id}`, { headers: of })).body, id).toMatchObject({ state })

  const some = { action: 'retry', filter: { ...filter, state: 'canceled' }, dry_run: false, limit: 10 }
  const retried = await endOf(url, (await begin(url, some, headers)).body, headers)
  expect(retried).toMatchObject({ matched: 10, succeeded: 10 })
  await waitFor(
    'the retried jobs',
    () => send<{ items: unknown[] }>('GET', `${url}/v1/jobs?tag=batch-7&state=succeeded`, { headers }),
    ({ body }) => body.items.length === 11,
  )
  // A large input is not read for that, and stays as the client wrote it.
  const input = JSON.stringify({ text: 'é'.repeat(20_000) })
  const large = await send<{ id: string; input_bytes: number }>('POST', `${url}/v1/jobs`, {
    body: `{"type":"echo","input":${input},"tags":["large"],"delay_ms":3600000}`,
    headers,
  })
  await send('POST', `${url}/v1/jobs/${large.body.id}/cancel`, { headers })
  const again = { action: 'retry', filter: { tag: 'large' }, dry_run: false }
  expect(await endOf(url, (await begin(url, again, headers)).body, headers)).toMatchObject({ succeeded: 1 })
  const reopened = await send('GET', `${url}/v1/jobs/${large.body.id}`, { headers: { ...headers, prefer: 'wait=50' } })
  expect(reopened.body).toMatchObject({ state: 'succeeded', run: 2, tags: ['large'] })
  const kept = await fetch(`${url}/v1/jobs/${large.body.id}/input`, { headers }).then((answer) => answer.text())
  expect(kept).toBe(input)

  const all = { action: 'delete', filter, dry_run: false }
  expect(await endOf(url, (await begin(url, all, headers)).body, headers)).toMatchObject({ succeeded: 251, skipped: 1 })
  const left = await send<{ items: { id: string }[] }>('GET', `${url}/v1/jobs?tag=batch-7`, { headers })
  expect(left.body.items.map(({ id }) => id)).toEqual(late)

  for (const bad of [
    { action: 'cancel', filter: {} },
    { action: 'cancel' },
    { action: 'explode', filter },
    { action: 'cancel', filter: { name: 'x' } },
    { action: 'cancel', filter, limit: 0 },
    { action: 'cancel', filter: { state: 'lost' } },
  ])
    expect(await begin(url, bad, headers), JSON.stringify(bad)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    })
  expect((await begin(url, all, reader.headers)).body).toMatchObject({ code: 'forbidden' })
  expect((await begin(url, { action: 'retry', filter }, reader.headers)).status).toBe(202)
  const hidden = await send('GET', `${url}/v1/operations/${canceling.id}`, { headers: beta.headers })
  expect(hidden).toMatchObject({ status: 404, body: { code: 'operation_not_found' } })
  const listOf = async (of: Headers) =>
    (await send<{ items: unknown[] }>('GET', `${url}/v1/operations`, { headers: of })).body.items.length
  expect([await listOf(headers), await listOf(beta.headers)]).toEqual([6, 0])
  const over = await send('POST', `${url}/v1/operations/${canceling.id}/cancel`, { headers })
  expect(over).toMatchObject({ status: 409, body: { code: 'operation_already_done' } })
}, 120_000)

test('a retry waits for room until it is canceled, and an operation ends with its key', async () => {
  const [acme, admin] = [makeKey('acme'), makeKey('house', ['admin'])]
  const limits = { acme: { max_queued: 6 } }
  const { path, write } = await keysFile([acme, admin], limits)
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const { url } = api
  const { headers } = acme
  for (let n = 0; n < 2; n++) {
    await submitMany(url, 6, { type: 'echo', input: 1, tags: ['full'] }, headers)
    const cancel = await begin(url, { action: 'cancel', filter: { tag: 'full' }, dry_run: false }, headers)
    await endOf(url, cancel.body, headers)
  }
  const retry = { action: 'retry', filter: { tag: 'full' }, dry_run: false }
  const stuck = async () => {
    const { body } = await begin(url, retry, headers)
    return waitFor(
      'an operation without room',
      () => send<OperationResource>('GET', `${url}/v1/operations/${body.id}`, { headers: admin.headers }),
      ({ body: { waiting_for } }) => waiting_for !== null,
    )
  }
  const first = await stuck()
  expect(first.body).toMatchObject({ state: 'running', matched: 12 })
  expect((await send('POST', `${url}/v1/operations/${first.body.id}/cancel`, { headers })).status).toBe(202)
  expect(await endOf(url, first.body, headers)).toMatchObject({ state: 'canceled', waiting_for: null })
  // Those that wait for room leave the turns to others, and each can be canceled.
  const more = [await stuck(), await stuck(), await stuck()]
  const other = await begin(url, { action: 'cancel', filter: { tag: 'none' }, dry_run: false }, admin.headers)
  expect(await endOf(url, other.body, admin.headers)).toMatchObject({ state: 'succeeded' })
  for (const { body } of more) {
    await send('POST', `${url}/v1/operations/${body.id}/cancel`, { headers })
    expect(await endOf(url, body, headers)).toMatchObject({ state: 'canceled' })
  }
  const second = await stuck()
  await write([admin], limits)
  expect(await endOf(url, second.body, admin.headers)).toMatchObject({
    state: 'failed',
    error: { code: 'unauthenticated' },
  })
}, 120_000)

test('an operation goes on in another process when its own stops or is killed, and no job is retried twice', async () => {
  const { api, addApi } = await startStack({ workers: 0 })
  const count = 5000
  const job = { type: 'echo', input: 1, tags: ['many'], delay_ms: 3_600_000 }
  await submitMany(api.url, count, job, {})
  const middleOf = async (url: string, id: string) => {
    const reached = await waitFor(
      'the middle of it',
      () => send<OperationResource>('GET', `${url}/v1/operations/${id}`),
      ({ body }) => body.succeeded > 0,
      { everyMs: 1 },
    )
    expect(reached.body.done).toBe(false)
  }
  const first = await addApi()
  const { body: canceling } = await begin(first.url, { action: 'cancel', filter: { tag: 'many' }, dry_run: false }, {})
  await middleOf(first.url, canceling.id)
  first.signal('SIGTERM')
  expect(await endOf(api.url, canceling, {})).toMatchObject({ matched: count, succeeded: count })
  const { body: retrying } = await begin(api.url, { action: 'retry', filter: { tag: 'many' }, dry_run: false }, {})
  await middleOf(api.url, retrying.id)
  api.signal('SIGKILL')
  const other = await addApi()
  expect(await endOf(other.url, retrying, {})).toMatchObject({ state: 'succeeded', succeeded: count, skipped: 0 })
  const { body: page } = await send<{ items: { run: number }[] }>('GET', `${other.url}/v1/jobs?tag=many&limit=200`)
  expect(new Set(page.items.map(({ run }) => run))).toEqual(new Set([2]))
}, 120_000)
