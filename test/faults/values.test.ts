import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { read, type ServerSentEvent, submit, watch } from '../helpers/client.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import {
  executors,
  readAllValues,
  upTo,
  valueLines,
  valuesIn,
  wholeList,
  type YieldInput,
  yieldingJobs,
} from '../helpers/yielding-jobs.ts'
import { patience } from '../ledger/scenario.ts'

const count = 60

/** A stack in which a job yields, and a client that has watched it since before it began. */
async function world(env: Record<string, string>, type: string, input: Partial<YieldInput> = {}) {
  const stack = await startStack({ env: { JOBS_DIR: await yieldingJobs(), LOCK_MS: '1000', ...env } })
  const { api } = stack
  const options = { delay_ms: 1000 }
  const { id } = (await submit(api.url, type, { count, pause_ms: 40, progress_every: 3, ...input }, options)).body
  const events: ServerSentEvent[] = []
  const stop = new AbortController()
  const watched = (async () => {
    for await (const event of watch(api.url, id, { signal: stop.signal })) events.push(event)
  })()
  // A test that fails leaves it unread.
  watched.catch(() => undefined)
  onTestFinished(() => stop.abort())
  const yielded = (index: number) =>
    waitFor(
      `the value ${index}`,
      () => events,
      (seen) => seen.some(({ data }) => Object(data).index === index),
      { withinMs: 60_000 },
    )
  /** Checks that the stream had every value of each of its lists up to where the next one began, and the last one whole. */
  const checkWhole = async () => {
    await watched
    expect(events.at(-1)).toMatchObject({ event: 'done', data: { state: 'succeeded', output: input.count ?? count } })
    const kinds = events.map(({ event }) => event)
    expect(kinds).not.toContain('gap')
    const lists = Map.groupBy(
      events.filter(({ event }) => event === 'output').map(({ data }) => Object(data)),
      ({ list }) => list,
    )
    for (const [list, values] of lists)
      expect(values).toEqual(upTo(values.length).map((n) => ({ value: n, index: n, list })))
    const resets = events.filter(({ event }) => event === 'values_reset').map(({ data }) => data)
    const last = resets.length + 1
    expect(resets).toEqual(upTo(resets.length).map((n) => ({ list: n + 2, from: 0 })))
    expect(lists.get(last)).toHaveLength(input.count ?? count)
    expect(await readAllValues(api.url, id)).toEqual(upTo(input.count ?? count))
    return resets.length
  }
  return { ...stack, id, events, yielded, checkWhole }
}

test.each(executors)('values of a killed worker are replaced by those of the next start: %s', patience, async (on) => {
  const { api, id, workers, addWorker, yielded, checkWhole, events } = await world({}, `yield-${on}`)
  await yielded(20)
  workers[0]?.signal('SIGKILL')
  await workers[0]?.ended
  const cursor = `1-${valuesIn(events).length}`
  await addWorker()
  expect(await checkWhole()).toBe(1)
  const stale = await fetch(`${api.url}/v1/jobs/${id}/values?after=${cursor}`)
  expect(stale.status).toBe(409)
  expect(await stale.text()).toContain('"code":"values_reset"')
  expect((await read(api.url, id)).body.attempt).toBe(1)
})

test.each(executors)(
  'values of a job that is put back are replaced by those of the next start: %s',
  patience,
  async (on) => {
    const { api, id, workers, addWorker, yielded, checkWhole } = await world({ SHUTDOWN_GRACE_MS: '0' }, `yield-${on}`)
    const lines = Array.fromAsync(valueLines(api.url, id)).then(
      () => 'complete',
      (error: unknown) => String(error),
    )
    await yielded(20)
    workers[0]?.signal('SIGTERM')
    await workers[0]?.ended
    await addWorker()
    expect(await checkWhole()).toBe(1)
    expect(await lines).toContain('terminated')
    expect((await read(api.url, id)).body.attempt).toBe(1)
  },
)

test('a worker that lost its lease adds nothing to the list of the worker that has the job', patience, async () => {
  // The frozen worker may take the message that wakes the other, which looks again after five seconds.
  const { workers, addWorker, yielded, checkWhole, events } = await world({ LOCK_MS: '2500' }, 'yield-event-loop')
  await yielded(20)
  workers[0]?.signal('SIGSTOP')
  await addWorker()
  await waitFor(
    'the next list',
    () => valuesIn(events).at(-1),
    (last) => Array.isArray(last) && last[0] === 2 && last[1] >= 5,
    { withinMs: 60_000 },
  )
  workers[0]?.signal('SIGCONT')
  expect(await checkWhole()).toBe(1)
  const second = valuesIn(events).filter((value) => Array.isArray(value) && value[0] === 2)
  expect(second).toEqual(wholeList(2, count))
})

test.skipIf(!canOwnRedis).each([
  ['killed', 200, 'event-loop'],
  ['killed', 200, 'process'],
  ['frozen', 700, 'thread'],
] as const)('values are whole when Redis is %s for %i ms in the middle: %s', patience, async (how, ms, on) => {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.close())
  const env = { REDIS_URL: redis.url, LOCK_MS: '5000' }
  const { yielded, checkWhole } = await world(env, `yield-${on}`, { count: 400, pause_ms: 5 })
  await yielded(100)
  if (how === 'killed') await redis.kill()
  else redis.freeze()
  await sleep(ms)
  if (how === 'killed') await redis.start()
  else redis.thaw()
  expect(await checkWhole()).toBeLessThanOrEqual(1)
})
