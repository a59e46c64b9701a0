import { expect, test } from 'vitest'
import type { FlowResource } from '../../src/api/flows/flow-resource.ts'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { send } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

interface Page<T> {
  items: T[]
  next_cursor: string | null
}

const echo = { type: 'echo', input: 1 }
const fail = { type: 'sleep', input: { duration_ms: 1, fail_at: 0 }, attempts: 1 }
const sleep = { type: 'sleep', input: { duration_ms: 600_000 } }
const later = { ...echo, delay_ms: 600_000 }

async function submitFlow(apiUrl: string, flow: object, options: object = {}, headers: Record<string, string> = {}) {
  const answer = await send<FlowResource>('POST', `${apiUrl}/v1/flows`, { body: { flow, ...options }, headers })
  expect([200, 202]).toContain(answer.status)
  return answer.body
}

async function listFlows(apiUrl: string, filter: Record<string, string> = {}, limit = 2): Promise<FlowResource[]> {
  const items: FlowResource[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = new URLSearchParams({ ...filter, limit: String(limit), ...(cursor && { cursor }) })
    const { status, body } = await send<Page<FlowResource>>('GET', `${apiUrl}/v1/flows?${query.toString()}`)
    expect(status).toBe(200)
    items.push(...body.items)
    cursor = body.next_cursor
  }
  return items
}
const ids = (items: { id: string }[]) => items.map(({ id }) => id)

test('flows are listed by state, tag and time, newest first, with the flows that an earlier version stored', {
  timeout: 60_000,
}, async () => {
  const { api, env, addApi } = await startStack()
  const wait = { prefer: 'wait=50' }
  const flows = [
    await submitFlow(api.url, { chain: [echo, echo] }, { tags: ['a'] }, wait),
    await submitFlow(api.url, { gather: [echo, fail] }, { tags: ['a', 'b'] }, wait),
    await submitFlow(api.url, { chain: [sleep, echo] }, { tags: ['b'] }),
    await submitFlow(api.url, { chain: [later, echo] }, { tags: ['c'] }),
    await submitFlow(api.url, { chain: [later, echo] }),
  ]
  await send('POST', `${api.url}/v1/flows/${flows[3]?.id}/cancel`)
  const states = async () => (await listFlows(api.url)).map(({ state }) => state)
  const expected = ['scheduled', 'canceled', 'running', 'failed', 'succeeded']
  await waitFor('the flows to be in their states', states, (now) => now.join() === expected.join())
  const newest = flows.toReversed()
  const agree = async (url: string) => {
    const all = await listFlows(url)
    expect(ids(all)).toEqual(ids(newest))
    expect(all.every(({ tree }) => tree === null)).toBe(true)
    for (const [n, state] of expected.entries()) expect(ids(await listFlows(url, { state }))).toEqual([newest[n]?.id])
    expect(await listFlows(url, { state: 'queued' })).toEqual([])
    expect(ids(await listFlows(url, { tag: 'a' }, 1))).toEqual(ids([flows[1], flows[0]].flatMap((flow) => flow ?? [])))
    expect(ids(await listFlows(url, { tag: 'b', state: 'failed' }))).toEqual([flows[1]?.id])
    expect(ids(await listFlows(url, { created_before: flows[1]?.created_at ?? '' }))).toEqual([flows[0]?.id])
  }
  await agree(api.url)
  const retried = await send<FlowResource>('POST', `${api.url}/v1/flows/${flows[3]?.id}/retry`)
  expect(retried.status).toBe(202)
  expect(await listFlows(api.url, { state: 'canceled' })).toEqual([])
  await send('POST', `${api.url}/v1/flows/${flows[3]?.id}/cancel`)
  await waitFor('the second cancel', states, (now) => now.join() === expected.join())
  await agree(api.url)
  expect(await send('GET', `${api.url}/v1/flows?state=odd`)).toMatchObject({ status: 400 })
  expect(await send('GET', `${api.url}/v1/flows?cursor=x`)).toMatchObject({ status: 400 })

  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  await redis.unlink(keys.flowIndex, keys.flowLabels)
  const other = await addApi()
  // A coordinator begins anew, as after an upgrade.
  await redis.set(keys.flowLease, 'nobody', 'PX', 1500)
  await waitFor(
    'the flows to be indexed',
    () => listFlows(other.url),
    (all) => all.length === 5,
    { withinMs: 60_000 },
  )
  await agree(other.url)
})

test('the jobs of a flow have its tags, and are found by them', async () => {
  const { api } = await startStack()
  const chain = [{ ...echo, tags: ['own', 'flow'] }, { map: { over: { $output: '/list' }, node: echo } }]
  const body = { chain: [{ ...echo, input: { list: [1, 2] }, tags: ['own', 'flow'] }, chain[1]] }
  const flow = await submitFlow(api.url, body, { tags: ['flow'] }, { prefer: 'wait=50' })
  expect(flow.state).toBe('succeeded')
  const { body: page } = await send<Page<JobResource>>('GET', `${api.url}/v1/jobs?tag=flow`)
  expect(page.items.map(({ tags, flow_id }) => [tags, flow_id])).toEqual([
    [['flow'], flow.id],
    [['flow'], flow.id],
    [['flow', 'own'], flow.id],
  ])
})

test('a finished flow is deleted with its jobs; an open one, or one whose job is being stopped, is not', async () => {
  const { api, env } = await startStack()
  const redis = await redisClient()
  const drop = (id: string) => send('DELETE', `${api.url}/v1/flows/${id}`)
  const done = await submitFlow(
    api.url,
    { gather: [echo, fail], on_failure: 'continue' },
    { tags: ['x'] },
    { prefer: 'wait=50' },
  )
  const open = await submitFlow(api.url, { chain: [sleep, echo] }, { tags: ['x'] })
  expect(await drop(open.id)).toMatchObject({ status: 409, body: { code: 'flow_not_done' } })
  expect(await drop(done.id)).toMatchObject({ status: 204, body: undefined })
  expect(await drop(done.id)).toMatchObject({ status: 404, body: { code: 'flow_not_found' } })
  for (const path of ['', '/results', '/events'])
    expect(await send('GET', `${api.url}/v1/flows/${done.id}${path}`)).toMatchObject({ status: 404 })
  expect((await send<Page<JobResource>>('GET', `${api.url}/v1/jobs?tag=x`)).body.items).toHaveLength(2)
  await send('POST', `${api.url}/v1/flows/${open.id}/cancel`)
  const deleted = await waitFor(
    'the delete',
    () => drop(open.id),
    ({ status }) => status !== 409,
  )
  expect(deleted.status).toBe(204)
  expect((await send<Page<JobResource>>('GET', `${api.url}/v1/jobs?tag=x`)).body.items).toEqual([])
  expect(await listFlows(api.url)).toEqual([])
  const left = await redis.keys(`${env['KEY_PREFIX']}:*`)
  for (const id of [done.id, open.id].map((flow) => flow.slice(-26)))
    for (const key of left.filter((name) => name.includes(id))) expect(await redis.pttl(key)).toBeGreaterThan(0)
})

test('a flow that is deleted while its key is replayed, or canceled, exists whole or not at all', async () => {
  const { api, addApi, env } = await startStack()
  const other = await addApi()
  const redis = await redisClient()
  const url = (n: number) => (n % 2 ? api.url : other.url)
  for (let round = 0; round < 10; round++) {
    const options = { tags: [`round-${round}`] }
    const key = { 'idempotency-key': `k${round}` }
    const flow = { gather: [echo, echo] }
    const first = await submitFlow(api.url, flow, options, { ...key, prefer: 'wait=50' })
    const again = (n: number) =>
      send<FlowResource>('POST', `${url(n)}/v1/flows`, { body: { flow, ...options }, headers: key })
    const [deleted, ...answers] = await Promise.all([
      send('DELETE', `${api.url}/v1/flows/${first.id}`),
      ...Array.from({ length: 6 }, (_, n) => again(n)),
      send('POST', `${other.url}/v1/flows/${first.id}/cancel`),
    ])
    expect(deleted.status).toBe(204)
    const promised = answers
      .slice(0, -1)
      .filter(({ status }) => status === 202)
      .map(({ body }) => Object(body).id)
    const [left, ...more] = await listFlows(api.url, { tag: `round-${round}` })
    expect(more).toEqual([])
    for (const id of promised) expect([first.id, left?.id]).toContain(id)
    expect(left?.id).not.toBe(first.id)
    const jobs = await send<Page<JobResource>>('GET', `${api.url}/v1/jobs?tag=round-${round}`)
    expect(jobs.body.items.every(({ flow_id }) => flow_id === left?.id)).toBe(true)
    expect(jobs.body.items).toHaveLength(left ? 2 : 0)
  }
  const stored = await redis.hget(new Keys(env['KEY_PREFIX'] ?? '').flow('none'), 'stored')
  expect(stored).toBeNull()
})
