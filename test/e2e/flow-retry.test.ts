import { expect, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { send, watch } from '../helpers/client.ts'
import { echo, job, jobIds, readFlow, results, submitFlow } from '../helpers/flows.ts'
import { onceFailing } from '../helpers/once-failing.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const patience = { timeout: 120_000 }

/** A gather with two failing members, then a step and a map that work on its outputs. */
const flow = {
  chain: [
    {
      gather: [echo('a', { metadata: { order: '1' } }), job('once-failing', 'b'), job('once-failing', 'c')],
      on_failure: 'continue',
    },
    echo({ $output: '' }),
    { map: { over: { $output: '' }, node: echo({ $item: '' }), on_failure: 'continue' } },
  ],
}
const retry = (url: string, id: string, members?: string[]) =>
  send<{ code?: string; errors?: unknown }>('POST', `${url}/v1/flows/${id}/retry`, members && { body: { members } })

test('what failed in a flow that succeeded is tried again, with what depended on it', patience, async () => {
  const once = await onceFailing()
  const { api, env } = await startStack({ env: { JOBS_DIR: once.dir } })
  const { body } = await submitFlow(api.url, flow, { waitS: 20 })
  expect(body).toMatchObject({ state: 'succeeded', run: 1, jobs: 7, counts: { succeeded: 5, failed: 2 } })
  const ids = jobIds(body.tree)
  expect(await retry(api.url, body.id, ['io_nope', ids[0] ?? ''])).toMatchObject({
    status: 400,
    body: {
      code: 'invalid_request',
      errors: [
        { pointer: '/members/0', detail: 'is no job of this flow' },
        { pointer: '/members/1', detail: 'has succeeded' },
      ],
    },
  })
  await once.repair()

  // One of the two.
  expect((await retry(api.url, body.id, [ids[1] ?? ''])).status).toBe(202)
  const second = await readFlow(api.url, body.id, 20)
  expect(second.body).toMatchObject({ state: 'succeeded', run: 2, jobs: 7, counts: { succeeded: 6, failed: 1 } })
  const withProblem = ['a', 'b', expect.objectContaining({ job_id: ids[2], state: 'failed' })]
  const outputs = (await results(api.url, body.id)).map(({ output }) => output)
  expect(outputs).toEqual([withProblem, withProblem, withProblem])
  // All that is left, by two clients at once.
  const answers = await Promise.all([retry(api.url, body.id), retry(api.url, body.id)])
  expect(answers.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([202, 409])
  const third = await readFlow(api.url, body.id, 20)
  expect(third.body).toMatchObject({ state: 'succeeded', run: 3, jobs: 7, counts: { succeeded: 7, failed: 0 } })
  expect((await results(api.url, body.id)).map(({ output }) => output)).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ])
  const runs = await Promise.all(ids.slice(0, 4).map((id) => send<{ run: number }>('GET', `${api.url}/v1/jobs/${id}`)))
  expect(runs.map((answer) => answer.body.run)).toEqual([1, 2, 2, 3])
  // The jobs of the map that was expanded before are gone.
  expect((await send('GET', `${api.url}/v1/jobs/${ids[4]}`)).status).toBe(404)
  expect(await retry(api.url, body.id)).toMatchObject({ status: 409, body: { code: 'flow_not_retryable' } })
  const redis = await redisClient()
  expect(await redis.zcard(new Keys(env['KEY_PREFIX'] ?? '').openFlows)).toBe(0)
})

test('an API that is killed in the middle of a retry leaves the rest to the coordinator', patience, async () => {
  const once = await onceFailing()
  const { api, addApi, env } = await startStack({ env: { JOBS_DIR: once.dir } })
  const members = 1500
  const wide = {
    chain: [
      { gather: Array.from({ length: members }, (_, n) => job('once-failing', n)), on_failure: 'continue' },
      { map: { over: { $output: '' }, node: echo({ $item: '' }), limit: members, on_failure: 'continue' } },
    ],
  }
  const { body } = await submitFlow(api.url, wide, { waitS: 40, query: '?tree=none' })
  expect(body).toMatchObject({ state: 'succeeded', counts: { failed: members, succeeded: members } })
  await once.repair()
  const redis = await redisClient()
  const key = new Keys(env['KEY_PREFIX'] ?? '').flow(body.id)
  const lost = retry(api.url, body.id).catch(() => 'unanswered')
  await waitFor(
    'its second run',
    () => redis.hget(key, 'run'),
    (run) => run === '2',
    { everyMs: 1 },
  )
  api.signal('SIGKILL')
  expect(await lost).toBe('unanswered')
  const other = await addApi()
  const ended = await readFlow(other.url, body.id, 50)
  expect(ended.body).toMatchObject({
    state: 'succeeded',
    run: 2,
    jobs: 2 * members,
    counts: { succeeded: 2 * members },
  })
  const outputs = (await results(other.url, body.id)).map(({ output }) => output)
  expect(outputs).toEqual([0, 1].map(() => Array.from({ length: members }, (_, n) => n)))
})

test('results and member events have the index and the metadata of their member', patience, async () => {
  const { api } = await startStack()
  const members = [echo(1, { metadata: { order: '7' } }), { chain: [echo(2), echo(3)] }]
  const { body } = await submitFlow(api.url, { gather: members }, { waitS: 20 })
  expect(await results(api.url, body.id)).toMatchObject([
    { index: 0, metadata: { order: '7' }, output: 1 },
    { index: 1, metadata: {}, output: 3, id: null },
  ])
  const events = await Array.fromAsync(watch(api.url, body.id, { kind: 'flows' }))
  expect(events.filter(({ event }) => event === 'member').map(({ data }) => data)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ index: 0, metadata: { order: '7' }, path: '/flow/gather/0' }),
      expect.objectContaining({ index: 1, metadata: {}, path: '/flow/gather/1/chain/1' }),
    ]),
  )
})
