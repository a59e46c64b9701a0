import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { send } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** The machine may be busy. */
const patience = { timeout: 120_000 }
const busy = { withinMs: 60_000 }

interface Explained {
  state: string
  reasons: ({ kind: string; detail: string } & Record<string, unknown>)[]
  position: number | null
  estimate: { earliest_at: string; latest_at: string | null; basis: { ended: number | null; window_ms: number } } | null
  attempts: { worker: string | null; outcome: string | null }[]
}

test('why a job waits, how it came to its end, and what changes when it starts', patience, async () => {
  const admin = makeKey('acme', ['admin'])
  const mine = makeKey('acme', ['submit', 'read'])
  const other = makeKey('globex', ['submit', 'read', 'cancel'])
  const { path } = await keysFile([admin, mine, other], { globex: { max_priority: 4 } })
  const { api } = await startStack({ env: { API_KEYS_FILE: path, WORKER_QUEUES: 'io:100' } })
  const call = <T = JobResource>(by: typeof admin, method: string, url: string, body?: unknown, prefer?: string) =>
    send<T>(method, `${api.url}${url}`, {
      headers: { ...by.headers, ...(prefer !== undefined && { prefer }) },
      ...(body === undefined ? {} : { body }),
    })
  const submit = async (by: typeof admin, fields: Record<string, unknown> = {}, prefer?: string) =>
    (await call(by, 'POST', '/v1/jobs', { type: 'echo', input: 1, ...fields }, prefer)).body
  const explain = async (by: typeof admin, id: string) =>
    (await call<Explained>(by, 'GET', `/v1/jobs/${id}/explain`)).body
  const kinds = ({ reasons }: Explained) => reasons.map(({ kind }) => kind)

  const done = await submit(mine, {}, 'wait=20')
  const ended = await explain(mine, done.id)
  expect(ended).toMatchObject({
    state: 'succeeded',
    reasons: [{ kind: 'ended', at: done.finished_at, attempt: 1, error: null }],
    position: null,
    estimate: null,
    attempts: [{ outcome: 'succeeded' }],
  })
  const failing = { type: 'sleep', input: { duration_ms: 100, steps: 2, fail_at: 0 } }
  const failed = await submit(mine, { ...failing, attempts: 1 }, 'wait=20')
  expect((await explain(mine, failed.id)).reasons).toMatchObject([{ kind: 'ended', error: { code: 'job_failed' } }])
  const backoff = { type: 'fixed', delay_ms: 3_600_000, jitter: 0 }
  const retrying = await submit(mine, { ...failing, attempts: 2, backoff })
  const retry = await waitFor(
    'its backoff',
    () => explain(mine, retrying.id),
    ({ state, attempts }) => state === 'scheduled' && attempts.length > 0,
    busy,
  )
  expect(retry.reasons).toMatchObject([{ kind: 'retry', attempt: 2, error: { code: 'job_failed' } }])

  await call(admin, 'POST', '/v1/queues/io/pause')
  const jobs = [await submit(mine), await submit(other), await submit(mine, { priority: 9 }), await submit(mine)]
  const [first = done, , , last = done] = jobs
  const positions = (by: typeof admin, ids: JobResource[]) =>
    Promise.all(ids.map(async ({ id }) => (await explain(by, id)).position))
  expect(
    await positions(
      admin,
      jobs.filter((job) => job !== jobs[1]),
    ),
  ).toEqual([2, 1, 4])
  expect(
    await positions(
      mine,
      jobs.filter((job) => job !== jobs[1]),
    ),
  ).toEqual([2, 1, 3])
  const waiting = await explain(mine, last.id)
  expect(waiting).toMatchObject({ state: 'queued', estimate: null })
  // Its own two, and one of another tenant.
  expect(kinds(waiting)).toEqual(['paused', 'ahead', 'ahead'])
  expect((await call(other, 'GET', `/v1/jobs/${last.id}/explain`)).status).toBe(404)

  const patch = (by: typeof admin, id: string, body: unknown) =>
    call<JobResource & { code?: string }>(by, 'PATCH', `/v1/jobs/${id}`, body)
  expect((await patch(mine, last.id, { priority: 9 })).body).toMatchObject({ priority: 9, state: 'queued' })
  expect(await positions(mine, [last, first])).toEqual([2, 3])
  const runAt = new Date(Date.now() + 3_600_000).toISOString()
  expect((await patch(mine, last.id, { run_at: runAt })).body).toMatchObject({
    state: 'scheduled',
    scheduled_for: runAt,
    run_at: runAt,
  })
  const later = await explain(mine, last.id)
  expect(later).toMatchObject({
    reasons: [{ kind: 'scheduled', at: runAt }],
    position: null,
    estimate: { earliest_at: runAt },
  })
  expect((await patch(mine, last.id, { run_at: new Date().toISOString() })).body.state).toBe('queued')
  expect((await patch(mine, done.id, { priority: 1 })).body).toMatchObject({ code: 'job_not_waiting', status: 409 })
  expect((await patch(mine, last.id, {})).status).toBe(400)
  expect((await patch(mine, last.id, { run_at: '2099-01-01T00:00:00Z' })).status).toBe(400)
  expect((await patch(other, jobs[1]?.id ?? '', { priority: 5 })).status).toBe(400)
  expect((await patch(other, last.id, { priority: 1 })).status).toBe(404)

  const nobody = await submit(mine, { type: 'count-primes', input: { limit: 100 } })
  expect(kinds(await explain(mine, nobody.id))).toEqual(['no_worker'])
  const { body: flow } = await call<{ id: string; tree: { chain: { id: string }[] } }>(mine, 'POST', '/v1/flows', {
    flow: {
      chain: [
        { type: 'echo', input: 1 },
        { type: 'echo', input: 2 },
      ],
    },
  })
  const second = flow.tree.chain[1]?.id ?? ''
  expect((await explain(mine, second)).reasons).toMatchObject([
    { kind: 'flow', flow_id: flow.id, path: '/flow/chain/1', waits_for: '/flow/chain/0' },
  ])
  await call(admin, 'POST', '/v1/queues/io/resume')
  expect((await call(mine, 'GET', `/v1/jobs/${last.id}`, undefined, 'wait=20')).body.state).toBe('succeeded')

  const slow = await submit(mine, { type: 'sleep', input: { duration_ms: 60_000 } })
  const running = await waitFor(
    'its start',
    () => explain(admin, slow.id),
    ({ state }) => state === 'running',
    busy,
  )
  expect(running.reasons).toMatchObject([{ kind: 'running', attempt: 1, worker: expect.any(String) }])
})
