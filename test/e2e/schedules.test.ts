import { expect, test, vi } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import type { ScheduleResource } from '../../src/api/schedules/schedule-resource.ts'
import { send } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, webhookSecret } from '../helpers/webhook-receiver.ts'

// The tests wait for real ticks and start several processes each.
vi.setConfig({ testTimeout: 60_000 })

const echo = { type: 'echo', input: 1 }

function put(apiUrl: string, id: string, body: unknown) {
  return send<ScheduleResource>('PUT', `${apiUrl}/v1/schedules/${id}`, { body })
}

async function readSchedule(apiUrl: string, id: string): Promise<ScheduleResource> {
  return (await send<ScheduleResource>('GET', `${apiUrl}/v1/schedules/${id}`)).body
}

async function jobs(apiUrl: string, tag: string): Promise<JobResource[]> {
  const { body } = await send<{ items: JobResource[] }>('GET', `${apiUrl}/v1/jobs?tag=${tag}&limit=200`)
  return body.items
}

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString()

test('each tick stores one job with any number of schedulers', async () => {
  const { api, addApi, env } = await startStack({ workers: 2 })
  const other = await addApi(env)
  const ids = ['a', 'b', 'c']
  for (const id of ids) {
    const made = await put(api.url, id, { every_ms: 1000, job: { ...echo, tags: [id] } })
    expect(made).toMatchObject({
      status: 201,
      body: { id, every_ms: 1000, cron: null, paused: false, overlap: 'allow' },
    })
  }
  const found = await waitFor(
    'five ticks of each',
    () => Promise.all(ids.map((id) => jobs(other.url, id))),
    (all) => all.every((list) => list.length >= 5),
    { withinMs: 60_000 },
  )
  for (const [n, id] of ids.entries()) {
    const list = found[n] ?? []
    const { created_at, last_job_id, last_run_at } = await readSchedule(other.url, id)
    expect((Date.parse(last_run_at ?? '') - Date.parse(created_at)) % 1000).toBe(0)
    expect(last_job_id).toBeTruthy()
    // On a busy machine a tick may be late or missed, but it never fires twice.
    const ticks = list.map((job) => Math.floor((Date.parse(job.created_at) - Date.parse(created_at)) / 1000))
    expect(new Set(ticks).size).toBe(ticks.length)
    expect(Math.max(...ticks) - Math.min(...ticks)).toBeLessThanOrEqual(ticks.length)
    expect((await send('DELETE', `${api.url}/v1/schedules/${id}`)).status).toBe(204)
    expect((await send('DELETE', `${api.url}/v1/schedules/${id}`)).status).toBe(404)
  }
  await waitFor(
    'the jobs to be done',
    () => jobs(api.url, 'a'),
    (list) => list.every(({ state }) => state === 'succeeded'),
  )
})

test('the same PUT again changes no tick, a different definition starts anew', async () => {
  const { api } = await startStack({ workers: 0 })
  const definition = { cron: '30 2 * * *', timezone: 'Europe/Berlin', job: { ...echo, priority: 3, deadline_ms: 5000 } }
  const made = await put(api.url, 'nightly.report_1', definition)
  expect(made.status).toBe(201)
  expect(made.headers.get('location')).toBe('/v1/schedules/nightly.report_1')
  expect(made.body).toMatchObject({
    ...definition,
    every_ms: null,
    last_run_at: null,
    last_job_id: null,
    skipped_runs: 0,
  })
  expect(made.body.next_run_at).toMatch(/T0[01]:(30|00):00\.000Z$/)

  const every = await put(api.url, 'every', { every_ms: 3_600_000, job: echo })
  const same = await put(api.url, 'every', { every_ms: 3_600_000, job: { ...echo, input: 2 } })
  expect(same).toMatchObject({ status: 200, body: { job: { input: 2 }, created_at: every.body.created_at } })
  expect(same.body.next_run_at).toBe(every.body.next_run_at)
  const paused = await put(api.url, 'every', { every_ms: 3_600_000, paused: true, job: echo })
  expect(paused.body).toMatchObject({ paused: true, next_run_at: null })
  const other = await put(api.url, 'every', { every_ms: 7_200_000, job: echo })
  expect(Date.parse(other.body.next_run_at ?? '') - Date.parse(other.body.updated_at)).toBe(7_200_000)

  const first = await send<{ items: ScheduleResource[] }>('GET', `${api.url}/v1/schedules?limit=1`)
  expect(first.body).toMatchObject({ items: [{ id: 'every' }], next_cursor: 'every' })
  expect(await send('GET', `${api.url}/v1/schedules?limit=1&cursor=every`)).toMatchObject({
    body: { items: [{ id: 'nightly.report_1' }], next_cursor: null },
  })
})

test("reads of another tenant's schedule return 404, and its jobs belong to that tenant", async () => {
  const [acme, other] = [makeKey('acme'), makeKey('other', ['read', 'submit', 'cancel'])]
  const { path } = await keysFile([acme, other], { acme: { max_queued: 1 } })
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const url = `${api.url}/v1/schedules/mine`
  const body = { every_ms: 1000, job: { ...echo, tags: ['mine'] } }
  expect((await send('PUT', url, { body, headers: acme.headers })).status).toBe(201)
  for (const method of ['GET', 'DELETE']) {
    expect(await send(method, url, { headers: other.headers })).toMatchObject({
      status: 404,
      body: { code: 'schedule_not_found' },
    })
  }
  const list = (key: typeof acme, what: string) =>
    send<{ items: JobResource[] }>('GET', `${api.url}/v1/${what}`, { headers: key.headers })
  expect((await list(other, 'schedules')).body.items).toEqual([])
  const theirs = await send<ScheduleResource>('PUT', url, {
    body: { ...body, every_ms: 3_600_000 },
    headers: other.headers,
  })
  expect(theirs.status).toBe(201)
  await waitFor(
    'a job',
    () => list(acme, 'jobs?tag=mine'),
    (answer) => answer.body.items.length >= 1,
  )
  expect((await list(other, 'jobs')).body.items).toEqual([])
  expect((await send<ScheduleResource>('GET', url, { headers: other.headers })).body.last_job_id).toBeNull()
})

test('a run for whose job there is no room stays due, says so, and is made up for by the latest', async () => {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme], { acme: { max_queued: 2 } })
  const { api, addApi, env } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  await addApi(env)
  const { headers } = acme
  const url = `${api.url}/v1/schedules/tight`
  await send('PUT', url, { body: { every_ms: 1000, job: { ...echo, tags: ['tight'] } }, headers })
  const schedule = async () => (await send<ScheduleResource>('GET', url, { headers })).body
  const list = async () =>
    (await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs?tag=tight`, { headers })).body.items
  const held = await waitFor('the schedule to wait', schedule, ({ held_back }) => held_back !== null)
  expect(held.held_back).toMatchObject({
    code: 'quota_exceeded',
    detail: 'Your tenant is limited to 2 waiting jobs.',
  })
  const since = held.held_back?.since
  const dueAt = Date.parse(held.next_run_at ?? '')
  // It waits for several ticks, and there are two jobs all the time.
  await waitFor('three more ticks', list, () => Date.now() > dueAt + 3500)
  expect(await list()).toHaveLength(2)
  expect(await schedule()).toMatchObject({ held_back: { since }, next_run_at: held.next_run_at })
  const [newest] = await list()
  expect((await send('POST', `${api.url}/v1/jobs/${newest?.id}/cancel`, { headers })).status).toBe(200)
  const after = await waitFor('the next job', list, (jobs) => jobs.length > 2)
  expect(after).toHaveLength(3)
  const { last_run_at } = await schedule()
  // The latest of the ticks that were missed.
  expect(Date.parse(last_run_at ?? '')).toBeGreaterThanOrEqual(dueAt + 3000)
})

test('of the runs of one moment for which there is not room for all, as many are stored as have room', async () => {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme], { acme: { max_queued: 2 } })
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const { headers } = acme
  const moment = inMs(1500)
  const body = { every_ms: 60_000, start_at: moment, job: { ...echo, tags: ['together'] } }
  for (const id of ['a', 'b', 'c', 'd']) await send('PUT', `${api.url}/v1/schedules/${id}`, { body, headers })
  const all = await waitFor(
    'each to have run or to wait',
    async () => (await send<{ items: ScheduleResource[] }>('GET', `${api.url}/v1/schedules`, { headers })).body.items,
    (items) => items.every(({ last_job_id, held_back }) => last_job_id !== null || held_back !== null),
  )
  const ran = all.filter(({ last_job_id }) => last_job_id !== null)
  const waiting = all.filter(({ held_back }) => held_back?.code === 'quota_exceeded')
  expect([ran.length, waiting.length]).toEqual([2, 2])
  const listed = await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs?tag=together`, { headers })
  expect(new Set(listed.body.items.map(({ id }) => id))).toEqual(new Set(ran.map(({ last_job_id }) => last_job_id)))
})

test('a schedule that cannot run is refused with a pointer to the mistake', async () => {
  const { api } = await startStack({ workers: 0 })
  const wrong = [
    [{ job: echo }, '/cron'],
    [{ cron: '* * * * *', every_ms: 1000, job: echo }, '/cron'],
    [{ cron: '61 * * * *', job: echo }, '/cron'],
    [{ cron: '0 0 31 2 *', job: echo }, '/cron'],
    [{ cron: '* * * * *', timezone: 'Mars/Olympus', job: echo }, '/timezone'],
    [{ every_ms: 1000, timezone: 'UTC', job: echo }, '/timezone'],
    [{ every_ms: 999, job: echo }, '/every_ms'],
    [{ every_ms: 1000, start_at: inMs(2000), end_at: inMs(1000), job: echo }, '/end_at'],
    [{ every_ms: 1000, overlap: 'queue', job: echo }, '/overlap'],
    [{ every_ms: 1000, job: { ...echo, delay_ms: 5 } }, '/job/delay_ms'],
    [{ every_ms: 1000, job: { type: 'sleep', input: { duration_ms: 'long' } } }, '/job/input/duration_ms'],
    [{ every_ms: 1000, job: { ...echo, webhook: { url: 'https://example.com/' } } }, '/job/webhook'],
    [{ every_ms: 1000, job: { ...echo, colour: 'red' } }, '/job/colour'],
    [{ every_ms: 1000, job: echo, colour: 'red' }, '/colour'],
  ] as const
  for (const [body, pointer] of wrong) {
    const refused = await put(api.url, 'x', body)
    expect(refused, pointer).toMatchObject({ status: 400, body: { code: 'invalid_request', errors: [{ pointer }] } })
  }
  expect(await put(api.url, 'x', { every_ms: 1000, job: { type: 'nope', input: 1 } })).toMatchObject({
    status: 404,
    body: { code: 'unknown_job_type' },
  })
  expect((await put(api.url, 'a:b', { every_ms: 1000, job: echo })).status).toBe(400)
  const large = { every_ms: 1000, job: { type: 'echo', input: 'x'.repeat(300_000) } }
  expect(await put(api.url, 'x', large)).toMatchObject({ status: 413 })
  expect(await send('GET', `${api.url}/v1/schedules/x`)).toMatchObject({
    status: 404,
    body: { code: 'schedule_not_found' },
  })
})

test('of the ticks missed while no process ran only the latest fires, once, and none after ends_at', async () => {
  const { api, env, addApi } = await startStack({ workers: 0 })
  const redis = await redisClient()
  const start = Date.now() + 1500
  const definition = {
    every_ms: 1000,
    start_at: new Date(start).toISOString(),
    end_at: new Date(start + 3500).toISOString(),
  }
  expect((await put(api.url, 'late', { ...definition, job: { ...echo, tags: ['late'] } })).body.next_run_at).toBe(
    definition.start_at,
  )
  api.signal('SIGKILL')
  await api.ended
  await waitFor(
    'the end to be over',
    async () => Number((await redis.time())[0]) * 1000,
    (now) => now > start + 3500,
  )
  const [one, two] = await Promise.all([addApi(env), addApi(env)])
  const over = await waitFor(
    'the last run',
    () => readSchedule(one.url, 'late'),
    ({ next_run_at }) => next_run_at === null,
  )
  expect(over.last_run_at).toBe(new Date(start + 3000).toISOString())
  const stored = await jobs(two.url, 'late')
  expect(stored.map(({ id }) => id)).toEqual([over.last_job_id])
})

test('with skip no tick fires while the previous job runs; a paused schedule fires none', async () => {
  const { api, env, addApi } = await startStack({ workers: 0 })
  await addApi(env)
  const definition = { every_ms: 1000, overlap: 'skip', job: { ...echo, tags: ['skip'] } }
  await put(api.url, 'skip', definition)
  const skipped = await waitFor(
    'two ticks to be skipped',
    () => readSchedule(api.url, 'skip'),
    ({ skipped_runs }) => skipped_runs >= 2,
  )
  const [job, ...others] = await jobs(api.url, 'skip')
  expect(others).toEqual([])
  expect(job?.id).toBe(skipped.last_job_id)
  await send('POST', `${api.url}/v1/jobs/${job?.id}/cancel`)
  await waitFor(
    'the next run',
    () => jobs(api.url, 'skip'),
    ({ length }) => length === 2,
  )
  await put(api.url, 'skip', { ...definition, paused: true })
  const paused = await readSchedule(api.url, 'skip')
  await put(api.url, 'tick', { every_ms: 1000, job: { ...echo, tags: ['tick'] } })
  await waitFor(
    'two ticks of the other',
    () => jobs(api.url, 'tick'),
    ({ length }) => length >= 2,
  )
  expect(await readSchedule(api.url, 'skip')).toEqual(paused)
  const resumed = await put(api.url, 'skip', definition)
  expect(Date.parse(resumed.body.next_run_at ?? '')).toBeGreaterThan(Date.parse(resumed.body.updated_at))
})

test('the limits of a scheduled job count from its tick, and each job sends its webhook', async () => {
  const { api, env, addWorker } = await startStack({ workers: 0, env: { WEBHOOK_SECRETS: webhookSecret('a') } })
  // It consumes no queue of the jobs, but sends webhooks.
  await addWorker({ ...env, WORKER_QUEUES: 'cpu:1' })
  const receiver = await receiveWebhooks()
  const job = { ...echo, tags: ['limits'], start_within_ms: 300, webhook: { url: receiver.url } }
  await put(api.url, 'limits', { cron: '* * * * * *', job })
  const ended = await waitFor(
    'two jobs to expire',
    async () => (await jobs(api.url, 'limits')).filter(({ state }) => state === 'expired'),
    ({ length }) => length >= 2,
  )
  for (const one of ended) {
    expect(Date.parse(one.finished_at ?? '') - Date.parse(one.created_at)).toBeGreaterThanOrEqual(300)
  }
  const messages = await receiver.received(2)
  expect(messages.map(({ payload }) => payload.data['id'])).toEqual(
    expect.arrayContaining(ended.slice(-2).map(({ id }) => id)),
  )
})

test('a large input of a schedule is left out of it and of lists, and is read by itself', async () => {
  const { api } = await startStack({ workers: 0 })
  const input = { text: 'x'.repeat(20_000) }
  const made = await put(api.url, 'large', { every_ms: 60_000, job: { type: 'echo', input, tags: ['a'] } })
  const left = { job: { type: 'echo', input: null, tags: ['a'] }, input_bytes: 20_011 }
  expect(made).toMatchObject({ status: 201, body: left })
  await put(api.url, 'small', { every_ms: 60_000, job: echo })
  const listed = await send<{ items: ScheduleResource[] }>('GET', `${api.url}/v1/schedules`)
  expect(listed.body.items).toMatchObject([left, { job: echo, input_bytes: null }])
  expect(await readSchedule(api.url, 'large')).toMatchObject(left)
  const part = await fetch(api.url + made.body.links.input, { headers: { range: 'bytes=0-9' } })
  expect([part.status, await part.text()]).toEqual([206, '{"text":"x'])
  expect((await send('GET', api.url + made.body.links.input)).body).toEqual(input)
  expect((await send('GET', `${api.url}/v1/schedules/none/input`)).status).toBe(404)
})
