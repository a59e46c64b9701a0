import { expect, test } from 'vitest'
import { read, send, submit } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const readQueue = (url: string, name: string) =>
  send<{ paused: boolean; counts: Record<string, number>; oldest_wait_ms: number | null }>(
    'GET',
    `${url}/v1/queues/${name}`,
  )

test('a job of a paused queue says so, at its submission, when it is read, and in the metrics', async () => {
  const { api } = await startStack()
  const before = await submit(api.url, 'echo', 1, { delay_ms: 3_600_000 })
  expect(before.body.held_by).toBeNull()
  await send('POST', `${api.url}/v1/queues/io/pause`)
  const { body, headers } = await submit(api.url, 'echo', 1)
  expect(headers.get('warning')).toBe('199 drover "the queue io is paused"')
  expect(body).toMatchObject({ state: 'queued', held_by: { kind: 'paused', since: body.created_at } })
  expect((await read(api.url, body.id)).body.held_by).toEqual({ kind: 'paused', since: body.created_at })

  const due = await submit(api.url, 'echo', 1, { delay_ms: 50 })
  expect(due.body).toMatchObject({ state: 'scheduled', held_by: null })
  const waiting = await waitFor(
    'its time',
    () => read(api.url, due.body.id),
    (answer) => answer.body.state === 'queued',
  )
  expect(waiting.body).toMatchObject({
    scheduled_for: null,
    run_at: due.body.scheduled_for,
    held_by: { kind: 'paused', since: due.body.scheduled_for },
  })
  const { body: queue } = await readQueue(api.url, 'io')
  expect(queue).toMatchObject({ paused: true, counts: { queued: 2, scheduled: 1 } })
  expect(queue.oldest_wait_ms).toBeGreaterThan(0)
  const metrics = await fetch(`${api.url}/metrics`).then((answer) => answer.text())
  expect(metrics).toContain('drover_queue_paused{queue="io"} 1')
  expect(metrics).toContain('drover_queue_paused{queue="cpu"} 0')

  await send('POST', `${api.url}/v1/queues/io/resume`)
  expect((await read(api.url, body.id, 10)).body).toMatchObject({ state: 'succeeded', held_by: null })
  expect((await read(api.url, due.body.id, 10)).body.state).toBe('succeeded')
  expect((await submit(api.url, 'echo', 1)).headers.get('warning')).toBeNull()
})

test('the oldest wait of a queue counts from the retry of a job, and from the end of its last start', async () => {
  const { api } = await startStack({ env: { SHUTDOWN_GRACE_MS: '0' } })
  const { body } = await submit(api.url, 'sleep', { duration_ms: 300, steps: 2, fail_at: 1 }, { attempts: 1 })
  expect((await read(api.url, body.id, 10)).body.state).toBe('failed')
  await send('POST', `${api.url}/v1/queues/io/pause`)
  const retriedAt = Date.now()
  expect((await send('POST', `${api.url}/v1/jobs/${body.id}/retry`)).status).toBe(202)
  const { oldest_wait_ms: afterRetry } = (await readQueue(api.url, 'io')).body
  expect(afterRetry).toBeLessThanOrEqual(Date.now() - retriedAt + 100)

  await send('POST', `${api.url}/v1/jobs/${body.id}/cancel`)
  await send('POST', `${api.url}/v1/queues/io/resume`)
  const backoff = { type: 'fixed', delay_ms: 1500, jitter: 0 }
  const failing = { duration_ms: 300, steps: 2, fail_at: 1 }
  const { body: again } = await submit(api.url, 'sleep', failing, { attempts: 2, backoff })
  await waitFor(
    'its start',
    () => read(api.url, again.id),
    (job) => job.body.state === 'running',
  )
  await send('POST', `${api.url}/v1/queues/io/pause`)
  const { body: waiting } = await waitFor(
    'its failure',
    () => read(api.url, again.id),
    (job) => job.body.attempts.length === 1 && job.body.state === 'queued',
  )
  const { oldest_wait_ms: afterFailure } = (await readQueue(api.url, 'io')).body
  expect(afterFailure).toBeLessThanOrEqual(Date.now() - Date.parse(waiting.attempts[0]?.ended_at ?? '') + 100)
})

test('a job of a queue without workers is held since the last of them stopped', async () => {
  const { api, workers } = await startStack({ env: { SHUTDOWN_GRACE_MS: '0' } })
  const { body } = await submit(api.url, 'sleep', { duration_ms: 60_000 })
  await waitFor(
    'it to run',
    () => read(api.url, body.id),
    (job) => job.body.state === 'running',
  )
  workers[0]?.signal('SIGTERM')
  await workers[0]?.ended
  const { body: held } = await read(api.url, body.id)
  expect(held).toMatchObject({ state: 'queued', held_by: { kind: 'no_worker' } })
  expect(Date.parse(held.held_by?.since ?? '')).toBeGreaterThan(Date.parse(held.created_at))
  const { body: due } = await submit(api.url, 'echo', 1, { delay_ms: 1 })
  await waitFor(
    'its time',
    () => read(api.url, due.id),
    (answer) => answer.body.state === 'queued' && answer.body.held_by?.kind === 'no_worker',
  )
  expect((await readQueue(api.url, 'io')).body).toMatchObject({ counts: { queued: 2, scheduled: 0 } })
})

test('a job that waited before its queue was paused is held since the pause', async () => {
  const { api } = await startStack({ workers: 0 })
  const { body } = await submit(api.url, 'echo', 1)
  const later = Date.parse(body.created_at) + 100
  await waitFor(
    'a later moment',
    async () => Date.now(),
    (now) => now > later,
  )
  await send('POST', `${api.url}/v1/queues/io/pause`)
  const since = Date.parse((await read(api.url, body.id)).body.held_by?.since ?? '')
  // Some ms less than a clock of this process would say at most.
  expect(since).toBeGreaterThan(later - 50)
  expect(since).toBeLessThan(Date.now() + 1000)
})
