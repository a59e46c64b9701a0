import { expect, test } from 'vitest'
import { read, send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const isRunning = (job: { body: { state: string } }) => job.body.state === 'running'

test('the history names the worker that was killed and the one that finished, in the job and in the log', async () => {
  const { api, workers, addWorker } = await startStack({ env: { LOCK_MS: '500', WORKER_NAME: 'blue' } })
  const { body, headers } = await submit(api.url, 'sleep', { duration_ms: 1500 })
  const begun = await waitFor('it to run', () => read(api.url, body.id), isRunning)
  expect(begun.body).toMatchObject({
    worker: 'blue',
    attempts: [{ attempt: 1, worker: 'blue', outcome: null, ended_at: null }],
  })
  workers[0]?.signal('SIGKILL')
  await workers[0]?.ended
  const next = await addWorker({ WORKER_NAME: 'green' })
  const { body: done } = await read(api.url, body.id, 20)
  expect(done).toMatchObject({
    state: 'succeeded',
    attempt: 1,
    worker: null,
    started_at: begun.body.started_at,
    attempts: [
      { attempt: 1, worker: 'blue', started_at: begun.body.started_at, outcome: 'worker_lost', error: null },
      { attempt: 1, worker: 'green', outcome: 'succeeded', ended_at: done.finished_at },
    ],
  })
  const lines = next.logs.filter(({ job }) => job === body.id)
  expect(lines).toEqual([
    expect.objectContaining({
      level: 40,
      worker: 'green',
      lost_worker: 'blue',
      request_id: headers.get('request-id'),
      msg: 'a worker was lost while it ran this job',
    }),
  ])
})

test('a failed attempt and a put-back are one line at info each, starts and ends are lines at debug', async () => {
  const env = { SHUTDOWN_GRACE_MS: '0', LOG_LEVEL: 'debug' }
  const { api, workers, addWorker } = await startStack({ env })
  const [worker] = workers
  const failing = await submit(
    api.url,
    'sleep',
    { duration_ms: 1, fail_at: 0 },
    { attempts: 2, backoff: { type: 'fixed', delay_ms: 10 }, waitS: 10 },
  )
  const long = await submit(api.url, 'sleep', { duration_ms: 800 })
  await waitFor('it to run', () => read(api.url, long.body.id), isRunning)
  worker?.signal('SIGTERM')
  await worker?.ended
  await addWorker()
  const { body } = await read(api.url, long.body.id, 20)
  expect(body.attempts.map(({ outcome }) => outcome)).toEqual(['put_back', 'succeeded'])
  expect(failing.body.attempts).toMatchObject([
    { attempt: 1, outcome: 'failed', error: { code: 'job_failed' } },
    { attempt: 2, outcome: 'failed' },
  ])
  const linesOf = ({ body: { id }, headers }: typeof long, level: number) =>
    worker?.logs
      .filter((line) => line['job'] === id && line['level'] === level)
      .map(({ msg, request_id, worker: name }) => [msg, request_id === headers.get('request-id'), typeof name])
  expect(linesOf(failing, 30)).toEqual([
    ['attempt failed', true, 'string'],
    ['attempt failed', true, 'string'],
  ])
  expect(linesOf(long, 30)).toEqual([
    ['job was put back: its worker is stopping, no attempt is used up', true, 'string'],
  ])
  expect(linesOf(failing, 20)?.map(([msg]) => msg)).toEqual([
    'attempt started',
    'attempt ended',
    'attempt started',
    'attempt ended',
  ])
})

test('the options of a job are shown in it, and its host only to admins', async () => {
  const [client, admin] = [makeKey('acme'), makeKey('acme', ['read', 'admin'])]
  const { path } = await keysFile([client, admin])
  const { api, workers } = await startStack({
    env: { API_KEYS_FILE: path, WEBHOOK_SECRETS: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
  })
  const options = {
    attempts: 4,
    backoff: { type: 'fixed', delay_ms: 7, jitter: 0.5 },
    timeout_ms: 9000,
    start_within_ms: 60_000,
    deadline_ms: 90_000,
    webhook: { url: 'http://127.0.0.1:9/', events: ['failed'] },
  }
  const { attempts, ...shown } = options
  const submitted = await send<{ id: string }>('POST', `${api.url}/v1/jobs`, {
    body: { type: 'sleep', input: { duration_ms: 60_000 }, ...options },
    headers: client.headers,
  })
  expect(submitted.body).toMatchObject({ ...shown, max_attempts: attempts, run_at: null })
  const url = `${api.url}/v1/jobs/${submitted.body.id}`
  const readAs = async ({ headers }: typeof client) =>
    (await send<{ state: string; worker: string | null }>('GET', url, { headers })).body
  const running = await waitFor(
    'it to run',
    () => readAs(client),
    ({ state }) => state === 'running',
  )
  expect(running).toMatchObject({ ...shown, worker: expect.stringMatching(/^worker-[0-9a-f]{8}$/) })
  expect((await readAs(admin)).worker).toMatch(new RegExp(`:${workers[0]?.pid}$`))
})

test('each refusal is one line at info with its request-id, tenant and job', async () => {
  const { api } = await startStack({ workers: 0 })
  const missing = await send('GET', `${api.url}/v1/jobs/io_01k00000000000000000000000`)
  const invalid = await send('POST', `${api.url}/v1/jobs`, { body: {} })
  const undecodable = await send('GET', `${api.url}/v1/jobs/%E0%A4%A`)
  for (const [answer, job] of [
    [missing, 'io_01k00000000000000000000000'],
    [invalid, undefined],
    [undecodable, undefined],
  ] as const) {
    const id = answer.headers.get('request-id')
    const lines = await waitFor(
      'its line',
      () => api.logs.filter((line) => line['request_id'] === id),
      ({ length }) => length > 0,
    )
    expect(lines).toEqual([expect.objectContaining({ level: 30, msg: 'refused', status: answer.status })])
    expect(lines[0]?.['job']).toBe(job)
    // A path that cannot be decoded is refused before anybody asks whose request it is.
    expect(lines[0]?.['tenant']).toBe(answer === undecodable ? undefined : '-')
  }
})
