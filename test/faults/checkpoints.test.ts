import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit, watch, watchToEnd } from '../helpers/client.ts'
import { keepingJobs } from '../helpers/keeping-jobs.ts'
import { type Stack, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { executors, readAllValues, upTo } from '../helpers/yielding-jobs.ts'
import { patience } from '../ledger/scenario.ts'

const count = 60
/** So many take some seconds, in which the kill comes on a busy machine, too. */
const many = 700

async function world(env: Record<string, string> = {}) {
  const stack = await startStack({
    env: { JOBS_DIR: await keepingJobs(), LOCK_MS: '2000', WORKER_QUEUES: 'io:20,cpu:6', ...env },
  })
  const { url } = stack.api
  const logsOf = async (id: string) => {
    const { body } = await send<{ items: { message: string }[] }>('GET', `${url}/v1/jobs/${id}/logs?limit=200`)
    return body.items.map(({ message }) => message)
  }
  const logged = (id: string, message: string) =>
    waitFor(
      `"${message}" of ${id}`,
      () => logsOf(id),
      (lines) => lines.includes(message),
      { withinMs: 60_000 },
    )
  const begin = async (type: string, input: object) => {
    const { status, body } = await submit(url, type, input)
    expect({ status, body }).toMatchObject({ status: 202 })
    return body.id
  }
  return { ...stack, url, logsOf, logged, begin }
}

/** The values as a client has them at the end that followed the events from `after` on, having `items` by then. */
async function followed(url: string, id: string, items: unknown[] = [], after?: number) {
  const froms: number[] = []
  let kept = items
  for (const { event, data } of await watchToEnd(url, id, after)) {
    const { from, value, index } = Object(data)
    if (event === 'values_reset') {
      froms.push(from)
      kept = kept.slice(0, from)
    } else if (event === 'output') {
      expect(index).toBe(kept.length)
      kept = [...kept, value]
    }
  }
  return { items: kept, froms }
}

/** On a busy machine it may take longer than one wait. */
async function whenDone(url: string, id: string): Promise<JobResource> {
  const { body } = await waitFor(
    'the end',
    () => read(url, id, 20),
    (answer) => answer.body.done,
    { withinMs: 100_000 },
  )
  return body
}

async function ended(url: string, id: string): Promise<JobResource & { output: { from: number; token: string } }> {
  const body = await whenDone(url, id)
  expect(body).toMatchObject({ state: 'succeeded', attempt: 1, checkpoint: null })
  return body as JobResource & { output: { from: number; token: string } }
}

async function replaceWorker({ workers, addWorker }: Stack, signal: 'SIGKILL' | 'SIGTERM') {
  workers[0]?.signal(signal)
  await workers[0]?.ended
  await addWorker()
}

test(
  'a job whose worker is killed before, in or after a checkpoint goes on from the last stored one',
  patience,
  async () => {
    const stack = await world()
    const { url, begin, logged, logsOf } = stack
    const before = await Promise.all(executors.map((on) => begin(`keep-${on}`, { count, stop_at: 29 })))
    const after = await begin('keep-event-loop', { count, stop_behind: 29 })
    await Promise.all([...before, after].map((id) => logged(id, 'stopped')))
    // A checkpoint behind each value, and hardly a pause: the kill comes somewhere between two of them.
    const midway = await begin('keep-process', { count: many, every: 1, pause_ms: 3 })
    await logged(midway, 'kept 20')
    expect((await read(url, after)).body.checkpoint).toEqual({
      size_bytes: '{"n":30}'.length + '"token of 1000001"'.length,
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    })
    await replaceWorker(stack, 'SIGKILL')

    for (const [id, from] of [...before.map((each) => [each, 20] as const), [after, 30] as const]) {
      expect((await ended(url, id)).output).toEqual({ from, token: 'token of 1000001', fence: 1_000_002 })
      expect((await logsOf(id)).filter((line) => line === 'effect')).toHaveLength(1)
      expect(await readAllValues(url, id)).toEqual(upTo(count))
      expect(await followed(url, id, [], 0)).toEqual({ items: upTo(count), froms: [from] })
    }
    const { output } = await ended(url, midway)
    expect(output.from).toBeGreaterThanOrEqual(20)
    expect(await followed(url, midway, [], 0)).toEqual({ items: upTo(many), froms: [output.from] })
    expect(await readAllValues(url, midway)).toEqual(upTo(many))
  },
)

test('a drained worker leaves its jobs to one that goes on where they were, and clients follow', patience, async () => {
  const stack = await world({ SHUTDOWN_GRACE_MS: '0' })
  const { url, begin, logged } = stack
  const ids = await Promise.all(executors.map((on) => begin(`keep-${on}`, { count, stop_at: 45 })))
  const follow = ids.map((id) => followed(url, id))
  await Promise.all(ids.map((id) => logged(id, 'stopped')))
  await replaceWorker(stack, 'SIGTERM')
  for (const [n, id] of ids.entries()) {
    const { output, attempts } = await ended(url, id)
    expect(output.from).toBe(40)
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['put_back', 'succeeded'])
    expect(await follow[n]).toEqual({ items: upTo(count), froms: [40] })
    const stale = await send('GET', `${url}/v1/jobs/${id}/values?after=1-46`)
    expect(stale).toMatchObject({ status: 409, body: { code: 'values_reset' } })
  }
})

test('the checkpoint of a worker that was frozen and lost its lease is refused', patience, async () => {
  const { url, begin, logged, workers, addWorker } = await world({ LOCK_MS: '2500' })
  const id = await begin('keep-event-loop', { count: 150, pause_ms: 20 })
  await logged(id, 'kept 20')
  workers[0]?.signal('SIGSTOP')
  await addWorker()
  await waitFor(
    'the second start',
    () => read(url, id),
    ({ body }) => body.attempts.length === 2,
    { withinMs: 60_000 },
  )
  // It goes on to its next checkpoint, which would put the job back behind where the second start is.
  workers[0]?.signal('SIGCONT')
  const { output } = await ended(url, id)
  expect(output.from % 10).toBe(0)
  expect(output.from).toBeGreaterThanOrEqual(20)
  expect(await followed(url, id, [], 0)).toEqual({ items: upTo(150), froms: [output.from] })
  expect(await readAllValues(url, id)).toEqual(upTo(150))
})

test('count-primes does not begin anew when its worker is killed late', patience, async () => {
  const { url, begin, workers, addWorker } = await world()
  const limit = 100_000_000
  const progressTo = async (id: string, fraction: number): Promise<number> => {
    for await (const { event, data } of watch(url, id)) {
      if (event === 'done') break
      if (event === 'progress' && Object(data).fraction >= fraction) return Object(data).fraction
    }
    return 1
  }
  // On a machine that is fast and busy with other things a count may end before it is killed.
  for (let tries = 1; ; tries++) {
    const id = await begin('count-primes', { limit })
    const reached = await progressTo(id, 0.8)
    workers.at(-1)?.signal('SIGKILL')
    await workers.at(-1)?.ended
    workers.push(await addWorker())
    const body = await whenDone(url, id)
    expect(body).toMatchObject({ state: 'succeeded', output: { count: 5_761_455, largest: 99_999_989 } })
    if (body.attempts.length < 2) {
      expect(tries).toBeLessThan(10)
      continue
    }
    const events = await watchToEnd(url, id, 0)
    const fractions = events.flatMap(({ event, data }) => (event === 'progress' ? [Object(data).fraction] : []))
    const again = fractions.findIndex((fraction, n) => fraction <= (fractions[n - 1] ?? 0))
    const resumedAt = again < 0 ? reached : fractions[again]
    expect(resumedAt).toBeGreaterThan(0.4)
    return
  }
})
