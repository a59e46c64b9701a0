import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import { type Job, Queue, QueueEvents } from 'bullmq'
import fastify from 'fastify'
import { expect, inject, onTestFinished, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, send, submit, watchToEnd } from '../helpers/client.ts'
import { echo, fails, readFlow, sleep, submitFlow } from '../helpers/flows.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { onceFailing } from '../helpers/once-failing.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { waitingJobs } from '../helpers/waiting-jobs.ts'

// What BullMQ's own tools do on a queue of Drover: each line of docs/bullmq.md.

/** A running Drover, and BullMQ's Queue and QueueEvents on its queue `io`, as another service has them. */
async function world(env: Record<string, string> = {}) {
  const stack = await startStack({ env: { WORKER_QUEUES: 'io:10', REDIS_COMMAND_TIMEOUT_MS: '10000', ...env } })
  const keys = new Keys(stack.env['KEY_PREFIX'] ?? '')
  const at = { connection: { url: inject('redisUrl') }, prefix: keys.bullPrefix('io') }
  const queue = new Queue('io', at)
  onTestFinished(() => queue.close())
  const bullJob = async (id: string): Promise<Job> => {
    const job = await queue.getJob(id)
    if (!job) throw new Error(`BullMQ finds no job ${id}`)
    return job
  }
  const openEvents = async () => {
    const events = new QueueEvents('io', { ...at, lastEventId: '0-0' })
    onTestFinished(() => events.close())
    await events.waitUntilReady()
    return events
  }
  return { stack, url: stack.api.url, keys, queue, bullJob, openEvents }
}

test('the getters of Queue see jobs, their states and the workers', async () => {
  const { url, queue, bullJob, keys } = await world()
  const done = await submit(url, 'echo', { a: 1 }, { waitS: 10 })
  await submit(url, 'sleep', { duration_ms: 1, fail_at: 0 }, { waitS: 10 })
  const later = await submit(url, 'echo', 2, { delay_ms: 60_000 })
  const counts = await queue.getJobCounts('completed', 'failed', 'delayed', 'active', 'waiting-children')
  expect(counts).toEqual({ completed: 1, failed: 1, delayed: 1, active: 0, 'waiting-children': 0 })
  const job = await bullJob(done.body.id)
  expect([await job.getState(), job.name, job.data.input, job.returnvalue]).toEqual([
    'completed',
    'echo',
    { a: 1 },
    { a: 1 },
  ])
  expect((await queue.getDelayed()).map(({ id }) => id)).toEqual([later.body.id])
  expect(await queue.getWorkers()).toMatchObject([{ name: expect.stringContaining('io') }])
  expect(await queue.getVersion()).toMatch(/^bullmq:6\./)
  expect(await queue.getMeta()).toMatchObject({ maxLenEvents: 10_000 })
  expect(keys.bullPrefix('io')).toContain('{io}')
})

test('Bull Board shows jobs with their data, output, failure and progress, and pauses the queue', async () => {
  const { url, queue } = await world()
  const adapter = new FastifyAdapter()
  createBullBoard({ queues: [new BullMQAdapter(queue)], serverAdapter: adapter })
  const app = fastify()
  onTestFinished(() => app.close())
  await app.register(adapter.registerPlugin())
  const done = await submit(url, 'sleep', { duration_ms: 30 }, { waitS: 10 })
  const failed = await submit(url, 'sleep', { duration_ms: 1, fail_at: 0 }, { waitS: 10 })

  const shown = async (status: string) => {
    const answer = await app.inject(`/api/queues?activeQueue=io&status=${status}&page=1&jobsPerPage=10`)
    return answer.json().queues[0]
  }
  const completed = await shown('completed')
  expect(completed.counts).toMatchObject({ completed: 1, failed: 1 })
  expect(completed.jobs).toMatchObject([{ id: done.body.id, name: 'sleep', progress: { fraction: 1 } }])
  expect(completed.jobs[0].data.input).toEqual({ duration_ms: 30 })
  const [{ id, failedReason }] = (await shown('failed')).jobs
  expect([id, JSON.parse(failedReason).code]).toEqual([failed.body.id, failed.body.error?.code])
  const paused = await app.inject({ method: 'PUT', url: '/api/queues/io/pause' })
  expect(paused.statusCode).toBe(200)
  expect((await send('GET', `${url}/v1/queues/io`)).body).toMatchObject({ paused: true })
})

test('with BULLMQ_EVENTS=1 QueueEvents sees what happens, and waitUntilFinished resolves', async () => {
  const { url, queue, bullJob, openEvents } = await world({ BULLMQ_EVENTS: '1' })
  const events = await openEvents()
  const seen: string[] = []
  for (const name of ['added', 'waiting', 'active', 'progress', 'completed', 'failed'] as const)
    events.on(name, ({ jobId }: { jobId: string }) => seen.push(`${name} ${jobId}`))
  const slow = await submit(url, 'sleep', { duration_ms: 300 })
  const job = await bullJob(slow.body.id)
  expect(await job.waitUntilFinished(events, 10_000)).toMatchObject({ slept_ms: expect.anything() })
  const failing = await submit(url, 'sleep', { duration_ms: 1, fail_at: 0 }, { waitS: 10 })
  const refused = await (await bullJob(failing.body.id)).waitUntilFinished(events, 10_000).catch((error) => error)
  expect(JSON.parse(refused.message)).toMatchObject({ code: failing.body.error?.code })
  await queue.pause()
  const canceled = await submit(url, 'echo', 1)
  await send('POST', `${url}/v1/jobs/${canceled.body.id}/cancel`)
  await waitFor(
    'all events',
    async () => seen,
    (all) => all.includes(`failed ${canceled.body.id}`),
  )
  const of = (id: string) => new Set(seen.filter((one) => one.endsWith(id)).map((one) => one.split(' ')[0]))
  expect(of(slow.body.id)).toEqual(new Set(['added', 'waiting', 'active', 'progress', 'completed']))
  expect(of(failing.body.id)).toEqual(new Set(['added', 'waiting', 'active', 'failed']))
})

test('without BULLMQ_EVENTS nothing is written to the event stream', async () => {
  const { url, queue } = await world()
  await submit(url, 'sleep', { duration_ms: 30 }, { waitS: 10 })
  await submit(url, 'sleep', { duration_ms: 1, fail_at: 0 }, { waitS: 10 })
  const redis = await redisClient()
  expect(await redis.exists(queue.toKey('events'))).toBe(0)
})

test('a queue is paused and resumed from either side', async () => {
  const { url, queue } = await world()
  await queue.pause()
  expect((await send('GET', `${url}/v1/queues/io`)).body).toMatchObject({ paused: true })
  const job = await submit(url, 'echo', 1)
  await send('POST', `${url}/v1/queues/io/resume`)
  expect(await queue.isPaused()).toBe(false)
  expect((await read(url, job.body.id, 10)).body.state).toBe('succeeded')
  await send('POST', `${url}/v1/queues/io/pause`)
  expect(await queue.isPaused()).toBe(true)
  const other = await submit(url, 'echo', 2)
  await queue.resume()
  expect((await read(url, other.body.id, 10)).body.state).toBe('succeeded')
})

test('promote starts a scheduled job now, and remove takes a waiting one away', async () => {
  const { url, queue, bullJob } = await world()
  const later = await submit(url, 'echo', 1, { delay_ms: 600_000 })
  await (await bullJob(later.body.id)).promote()
  expect((await read(url, later.body.id, 10)).body.state).toBe('succeeded')
  const unwanted = await submit(url, 'echo', 2, { delay_ms: 600_000 })
  await (await bullJob(unwanted.body.id)).remove()
  expect((await read(url, unwanted.body.id)).status).toBe(404)
  expect(await queue.getJobCounts('delayed')).toEqual({ delayed: 0 })
})

test('retry runs a failed job once more', async () => {
  const { dir, repair } = await onceFailing()
  const { url, bullJob } = await world({ JOBS_DIR: dir })
  const failed = await submit(url, 'once-failing', { a: 1 }, { waitS: 10 })
  expect(failed.body.state).toBe('failed')
  await repair()
  await (await bullJob(failed.body.id)).retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
  expect((await read(url, failed.body.id, 10)).body).toMatchObject({ state: 'succeeded', output: { a: 1 } })
})

test('clean and obliterate remove jobs, and new ones run afterwards', async () => {
  const { url, queue } = await world()
  const done = await submit(url, 'echo', 1, { waitS: 10 })
  expect(await queue.clean(0, 100, 'completed')).toEqual([done.body.id])
  expect((await read(url, done.body.id)).status).toBe(404)
  await submit(url, 'echo', 2, { delay_ms: 600_000 })
  await queue.obliterate({ force: true })
  expect((await send<{ items: unknown[] }>('GET', `${url}/v1/jobs`)).body.items).toEqual([])
  expect((await submit(url, 'echo', 3, { waitS: 10 })).body.state).toBe('succeeded')
})

test('blocked jobs of a flow are counted, and survive removeOrphanedJobs', async () => {
  const { url, queue } = await world()
  await queue.pause()
  const flow = await submitFlow(url, { chain: [sleep(10), echo({ $output: '' }), echo(3)] })
  expect(await queue.getJobCounts('prioritized', 'waiting-children')).toEqual({ prioritized: 1, 'waiting-children': 2 })
  expect(await queue.removeOrphanedJobs()).toBe(0)
  await queue.resume()
  expect((await readFlow(url, flow.body.id, 10)).body.state).toBe('succeeded')
  expect(await queue.getJobCounts('waiting-children')).toEqual({ 'waiting-children': 0 })
  // What is blocked behind a failure does not stay there.
  const failing = await submitFlow(url, { chain: [fails(), echo(1)] })
  expect((await readFlow(url, failing.body.id, 10)).body.state).toBe('failed')
  expect(await queue.getJobCounts('waiting-children')).toEqual({ 'waiting-children': 0 })
})

test('a parked job is counted, survives removeOrphanedJobs, and comes back into a queue that is paused', {
  timeout: 60_000,
}, async () => {
  const { url, queue } = await world({ JOBS_DIR: await waitingJobs() })
  const { body: job } = await submit(url, 'wait-event-loop', { names: ['a'] })
  const until = (state: string) =>
    waitFor(
      state,
      () => read(url, job.id),
      ({ body }) => body.state === state,
      { withinMs: 60_000 },
    )
  await until('blocked')
  expect(await queue.getJobCounts('active', 'waiting-children')).toEqual({ active: 0, 'waiting-children': 1 })
  expect(await queue.removeOrphanedJobs()).toBe(0)
  await queue.pause()
  expect((await send('POST', `${url}/v1/jobs/${job.id}/signals/a`)).status).toBe(202)
  expect((await read(url, job.id)).body).toMatchObject({ state: 'queued', held_by: { kind: 'paused' } })
  await queue.resume()
  await until('succeeded')
  expect(await queue.getJobCounts('waiting-children')).toEqual({ 'waiting-children': 0 })
})

test('with ACCEPT_BULLMQ_JOBS=1 the job of a plain producer runs, and is read and listed as an anonymous job', async () => {
  const { url, queue } = await world({ ACCEPT_BULLMQ_JOBS: '1' })
  const { id } = await queue.add('sleep', { duration_ms: 30 })
  const rest = `io_${id}`
  const ended = await read(url, rest, 10)
  expect(ended.body).toMatchObject({ id: rest, type: 'sleep', state: 'succeeded', input: { duration_ms: 30 } })
  expect((await watchToEnd(url, rest)).map(({ event }) => event)).toContain('done')
  const ours = await submit(url, 'echo', 1, { waitS: 10 })
  const listed = await waitFor(
    'both to be listed',
    async () => (await send<{ items: { id: string }[] }>('GET', `${url}/v1/jobs`)).body.items,
    (items) => items.length === 2,
  )
  expect(listed.map((job) => job.id)).toEqual([ours.body.id, rest])

  const again = await queue.add('once-more', { x: 1 }, { jobId: 'order-7', delay: 600_000 })
  expect((await read(url, `io_${again.id}`)).body).toMatchObject({ state: 'scheduled', type: 'once-more' })
  expect((await send('POST', `${url}/v1/jobs/io_order-7/cancel`)).status).toBe(200)
  expect((await read(url, 'io_order-7')).body.state).toBe('canceled')
  expect((await send('DELETE', `${url}/v1/jobs/io_order-7`)).status).toBe(204)
  expect((await read(url, 'io_order-7')).status).toBe(404)
  for (const unknown of ['io_meta', 'io_events', 'io_nope', 'nope_1', 'io_1:lock'])
    expect((await read(url, unknown)).status, unknown).toBe(404)
  const bad = await queue.add('sleep', { duration_ms: 'x' })
  expect((await read(url, `io_${bad.id}`, 10)).body).toMatchObject({
    state: 'failed',
    error: { code: 'invalid_input' },
  })
})

test('the job of a plain producer shows no secret of its type', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(
    join(folder, 'log-in.ts'),
    `import { defineJob } from 'drover'
    import { z } from 'zod'
    const secret = z.string().meta({ secret: true })
    export default defineJob({
      type: 'log-in', title: 'Log in', runsOn: 'event-loop',
      input: z.object({ user: z.string(), token: secret }), output: z.object({ session: secret, length: z.int() }),
      async run({ token }, job) {
        job.log('with ' + token)
        return { session: 'session-of-ada', length: token.length }
      },
    })`,
  )
  const { url, queue } = await world({ ACCEPT_BULLMQ_JOBS: '1', JOBS_DIR: folder })
  const { id } = await queue.add('log-in', { user: 'ada', token: 'token-of-ada' }, { delay: 200 })
  const path = `${url}/v1/jobs/io_${id}`
  const seen: unknown[] = []
  const get = async (at: string) => {
    const answer = await send('GET', at)
    seen.push(answer.body)
    return answer.body
  }
  expect(await get(path)).toMatchObject({ input: { user: 'ada', token: '***' } })
  const events = await watchToEnd(url, `io_${id}`)
  seen.push(events)
  expect(await get(path)).toMatchObject({ state: 'succeeded', output: { session: '***', length: 12 } })
  for (const part of ['/input', '/output', '/logs', '?include=input']) await get(path + part)
  await waitFor(
    'the list',
    () => get(`${url}/v1/jobs`),
    (list) => Object(list).items.length === 1,
  )
  expect(JSON.stringify(seen)).not.toMatch(/(token|session)-of-ada/)
})

test('the job of a plain producer is listed before a worker starts it', async () => {
  const { url, queue } = await world({ ACCEPT_BULLMQ_JOBS: '1' })
  await queue.pause()
  const added = [
    await queue.add('echo', 1),
    await queue.add('echo', 2, { jobId: 'order-8', delay: 600_000 }),
    await queue.add('echo', 3, { priority: 2 }),
  ]
  const listed = await waitFor(
    'all to be listed',
    async () => (await send<{ items: { id: string; state: string }[] }>('GET', `${url}/v1/jobs`)).body.items,
    (items) => items.length === 3,
  )
  expect(new Set(listed.map((job) => job.id))).toEqual(new Set(added.map(({ id }) => `io_${id}`)))
})

test('with keys, operators alone can read the job of a plain producer', async () => {
  const [operator, reader] = [makeKey('acme', ['admin']), makeKey('acme', ['read'])]
  const { path } = await keysFile([operator, reader])
  const { url, queue } = await world({ ACCEPT_BULLMQ_JOBS: '1', API_KEYS_FILE: path })
  const { id } = await queue.add('echo', 'hello', { delay: 600_000 })
  const job = `${url}/v1/jobs/io_${id}`
  expect(await send('GET', job, { headers: operator.headers })).toMatchObject({ status: 200, body: { input: 'hello' } })
  expect((await send('GET', job, { headers: reader.headers })).status).toBe(404)
})

test('otherwise it fails at once, with one line in the log', async () => {
  const { url, queue, stack, bullJob } = await world()
  const { id = '' } = await queue.add('echo', 'hello', { attempts: 5 })
  const failed = await waitFor(
    'the job to fail',
    () => bullJob(id),
    (job) => Boolean(job.finishedOn),
  )
  expect(JSON.parse(failed.failedReason)).toMatchObject({ code: 'unknown_job_record', attempt: 1 })
  expect(failed.attemptsMade).toBe(1)
  expect((await read(url, `io_${id}`)).status).toBe(404)
  const lines = stack.workers.flatMap(({ logs }) => logs).filter(({ job }) => job === `io_${id}`)
  expect(lines).toMatchObject([{ msg: expect.stringContaining('ACCEPT_BULLMQ_JOBS=1') }])
})
