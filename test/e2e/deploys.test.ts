import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, send, submit, watchToEnd } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const isRunning = (job: { body: { state: string } }) => job.body.state === 'running'

test('a stopping worker lets jobs finish within the grace, and returns the rest without using up an attempt', async () => {
  const { api, workers, addWorker } = await startStack({ env: { SHUTDOWN_GRACE_MS: '1000' } })
  const [worker] = workers
  const long = await Promise.all([
    submit(api.url, 'sleep', { duration_ms: 60_000 }),
    submit(api.url, 'burn-cpu', { behavior: 'finish', duration_ms: 60_000 }),
  ])
  await waitFor(
    'the long jobs to run',
    () => Promise.all(long.map(({ body }) => read(api.url, body.id))),
    (jobs) => jobs.every(isRunning),
  )
  const short = await submit(api.url, 'sleep', { duration_ms: 700 })
  await waitFor('the short job to run', () => read(api.url, short.body.id), isRunning)
  const started = performance.now()
  worker?.signal('SIGTERM')
  expect(await worker?.ended).toBe(0)
  // And not when the long jobs end.
  expect(performance.now() - started).toBeLessThan(30_000)
  expect((await read(api.url, short.body.id)).body).toMatchObject({ state: 'succeeded', attempt: 1 })
  for (const { body } of long)
    expect((await read(api.url, body.id)).body).toMatchObject({ state: 'queued', attempt: 0 })
  await addWorker()
  const again = await waitFor(
    'the long jobs to run again',
    () => Promise.all(long.map(({ body }) => read(api.url, body.id))),
    (jobs) => jobs.every(isRunning),
  )
  for (const { body } of again) expect(body).toMatchObject({ attempt: 1, max_attempts: 1 })
})

test('a second signal ends a stopping worker immediately', async () => {
  const { api, workers } = await startStack({ env: { SHUTDOWN_GRACE_MS: '60000' } })
  const [worker] = workers
  const { body } = await submit(api.url, 'sleep', { duration_ms: 60_000 })
  await waitFor('it to run', () => read(api.url, body.id), isRunning)
  worker?.signal('SIGTERM')
  await waitFor(
    'the stop to begin',
    () => worker?.logs.map(({ msg }) => msg),
    (lines) => lines?.includes('stopping') === true,
  )
  // Two signals within half a second count as one: npm repeats the signal of the terminal.
  const ended = waitFor(
    'its end',
    () => {
      worker?.signal('SIGTERM')
      return Promise.race([worker?.ended, Promise.resolve('running')])
    },
    (end) => end !== 'running',
    { everyMs: 100 },
  )
  expect(await ended).toBe(1)
})

test('a stopping API answers waiting clients with 202 and ends its streams', async () => {
  const { api } = await startStack()
  const waiting = submit(api.url, 'sleep', { duration_ms: 60_000 }, { waitS: 50 })
  const { body } = await submit(api.url, 'sleep', { duration_ms: 60_000 })
  const watching = watchToEnd(api.url, body.id)
  await waitFor(
    'both to run',
    () => send<{ items: { counts: { running: number } }[] }>('GET', `${api.url}/v1/queues`),
    ({ body: queues }) => queues.items.some(({ counts }) => counts.running === 2),
  )
  const started = performance.now()
  api.signal('SIGTERM')
  expect(await waiting).toMatchObject({ status: 202, body: { done: false } })
  expect((await watching).at(-1)?.event).not.toBe('done')
  expect(await api.ended).toBe(0)
  expect(performance.now() - started).toBeLessThan(10_000)
})

test('a worker that does not know a type, or has a lower version of it, leaves the job to one that does', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await writeFile(
    join(dir, 'newer.ts'),
    `import { defineJob } from 'drover'
     import { z } from 'zod'
     export default defineJob({ type: 'newer', title: 'Newer', runsOn: 'event-loop', input: z.int(), output: z.int(), run: async (n) => n + 1 })`,
  )
  const versioned = (version: string) =>
    `import { defineJob } from 'drover'
     import { z } from 'zod'
     export default defineJob({ type: 'versioned', title: 'V', ${version} runsOn: 'event-loop', input: z.any(), output: z.any(), run: async () => '${version}' })`
  await writeFile(join(dir, 'versioned.ts'), versioned('version: 2,'))
  const olderDir = join(dir, 'older')
  await mkdir(olderDir)
  await writeFile(join(olderDir, 'versioned.ts'), versioned(''))
  const { api, workers, addWorker } = await startStack({ workers: 0, env: { JOBS_DIR: dir } })
  const older = await addWorker({ JOBS_DIR: olderDir })
  const { body } = await submit(api.url, 'newer', 1)
  const { body: later } = await submit(api.url, 'versioned', null)
  expect(later.type_version).toBe(2)
  await waitFor(
    'the older worker to return both',
    () => older.logs.filter(({ msg }) => String(msg).includes('left to other workers')),
    ({ length }) => length === 2,
  )
  const explained = await waitFor(
    'the versioned job to wait again',
    () => send<{ reasons: unknown[] }>('GET', `${api.url}/v1/jobs/${later.id}/explain`),
    (answer) => JSON.stringify(answer.body.reasons).includes('unknown_type'),
  )
  expect(explained.body.reasons).toContainEqual(
    expect.objectContaining({ kind: 'unknown_type', type_version: 2, detail: expect.stringContaining('version 2') }),
  )
  // Until a worker comes that knows it, the older one looks at it again and again.
  const before = await waitFor(
    'the job to wait again',
    () => read(api.url, body.id),
    (answer) => answer.body.state === 'queued' && answer.body.held_by?.kind === 'unknown_type',
  )
  expect(before.body).toMatchObject({ done: false, attempt: 0, started_at: null, scheduled_for: null })
  const queue = await waitFor(
    'both to wait',
    () =>
      send<{ counts: { queued: number; scheduled: number }; oldest_wait_ms: number }>('GET', `${api.url}/v1/queues/io`),
    (answer) => answer.body.counts.queued === 2,
  )
  expect(queue.body.counts.scheduled).toBe(0)
  expect(queue.body.oldest_wait_ms).toBeGreaterThan(0)
  workers.push(await addWorker())
  // Either worker may fetch it next. It ends when the newer one does.
  expect((await read(api.url, body.id, 30)).body).toMatchObject({ state: 'succeeded', output: 2, attempt: 1 })
  expect((await read(api.url, later.id, 30)).body).toMatchObject({
    state: 'succeeded',
    output: 'version: 2,',
    attempt: 1,
  })
})

test('a queue without workers is visible, and a submission to it is accepted with a warning', async () => {
  const { api } = await startStack({ env: { WORKER_QUEUES: 'io:5' } })
  const queues = await send<{ items: { name: string; workers: number }[] }>('GET', `${api.url}/v1/queues`)
  expect(queues.body.items.map(({ name, workers }) => [name, workers])).toEqual([
    ['cpu', 0],
    ['io', 1],
  ])
  expect(await send('GET', `${api.url}/v1/queues/io`)).toMatchObject({
    status: 200,
    body: { workers: 1, paused: false },
  })
  expect(await send('GET', `${api.url}/v1/queues/nope`)).toMatchObject({
    status: 404,
    body: { code: 'queue_not_found' },
  })
  const warned = await submit(api.url, 'count-primes', { limit: 10 })
  expect(warned.status).toBe(202)
  expect(warned.headers.get('warning')).toContain('no worker consumes the queue cpu')
  expect((await submit(api.url, 'echo', 1)).headers.get('warning')).toBeNull()
})

test('a worker that fetches no jobs although some wait logs it and exits, so that its supervisor restarts it', async () => {
  const { api, workers, env } = await startStack({ env: { LOCK_MS: '300', WORKER_QUEUES: 'io:5' } })
  const [worker] = workers
  const redis = await redisClient()
  // A limit that nobody sets: with it the consumer fetches nothing, as if it were stuck.
  await redis.hset(new Keys(env['KEY_PREFIX'] ?? '').bull('io', 'meta'), 'concurrency', -1)
  await submit(api.url, 'echo', 1)
  expect(await worker?.ended).toBe(1)
  expect(worker?.logs.at(-1)?.['msg'] === undefined).toBe(false)
  expect(worker?.logs.some(({ level, queue }) => level === 60 && queue === 'io')).toBe(true)
})

test.each([
  { how: 'before its first wait', code: 'await 0; spin()' },
  { how: 'after a wait', code: 'await wait(); spin()' },
  { how: 'in a callback', code: 'await new Promise((done) => setTimeout(() => { spin(); done() }, 50))' },
  { how: 'in a synchronous call', code: "await wait(); execSync('sleep 0.8')" },
])('a warning names the job that blocked the event loop $how, and no other', { timeout: 120_000 }, async ({ code }) => {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await writeFile(
    join(dir, 'blocker.ts'),
    `import { execSync } from 'node:child_process'
     import { setTimeout as sleep } from 'node:timers/promises'
     import { defineJob } from 'drover'
     import { z } from 'zod'
     const wait = () => sleep(50)
     const spin = () => { for (const end = Date.now() + 800; Date.now() < end; ); }
     export default defineJob({ type: 'blocker', title: 'Blocks', runsOn: 'event-loop', input: z.null(), output: z.null(),
       run: async () => { ${code}; return null } })`,
  )
  const { api, workers } = await startStack({ env: { JOBS_DIR: dir, LOG_LEVEL: 'debug' } })
  const find = (text: string) => workers[0]?.logs.find(({ msg }) => String(msg).includes(text))
  // Others run and end beside it.
  const beside = [submit(api.url, 'sleep', { duration_ms: 5000 }), submit(api.url, 'echo', 1, { waitS: 10 })]
  await Promise.all(beside)
  await waitFor('the thread that asks', () => find('renews leases'), Boolean)
  const { body } = await submit(api.url, 'blocker', null, { waitS: 20 })
  const warning = await waitFor('the warning', () => find('blocked the event loop'), Boolean)
  expect(warning).toMatchObject({ job: body.id, job_types: ['blocker'], msg: 'a handler blocked the event loop' })
  expect(Number(warning?.['blocked_ms'])).toBeGreaterThan(400)
})
