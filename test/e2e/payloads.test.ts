import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { FlowResource } from '../../src/api/flows/flow-resource.ts'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, send, submit, watch } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { receiveWebhooks, webhookSecret } from '../helpers/webhook-receiver.ts'

const max = 16_384
/** Its JSON has `bytes` bytes, two for each character but the quotes. */
const textOf = (bytes: number) => 'é'.repeat((bytes - 2) / 2)

test('an input of 16,384 bytes is in its job; a larger one is left out everywhere and read when it is asked for', async () => {
  const { api } = await startStack()
  const options = { tags: ['t'], metadata: { k: 'v' }, delay_ms: 1, waitS: 10 }
  const small = await submit(api.url, 'echo', textOf(max), options)
  expect(small.body).toMatchObject({ input: textOf(max), input_bytes: null, output: textOf(max), output_bytes: null })

  const input = textOf(max + 2)
  const accepted = await submit(api.url, 'echo', input, { ...options, waitS: 0 })
  const { id } = accepted.body
  const left = {
    input: null,
    input_bytes: max + 2,
    tags: ['t'],
    metadata: { k: 'v' },
    links: { input: `/v1/jobs/${id}/input` },
  }
  expect(accepted.body).toMatchObject(left)
  expect((await read(api.url, id, 10)).body).toMatchObject({ ...left, output: input, output_bytes: null })
  const listed = await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs?tag=t`)
  expect(listed.body.items[0]).toMatchObject({ ...left, output: null, output_bytes: max + 2 })
  expect(listed.body.items[1]).toMatchObject({ input: textOf(max), output: textOf(max) })
  const events = await Array.fromAsync(watch(api.url, id))
  expect(events.map(({ event }) => event)).toEqual(['snapshot', 'done'])
  for (const { data } of events) expect(data).toMatchObject({ ...left, output: null, output_bytes: max + 2 })

  const whole = await send('GET', `${api.url}/v1/jobs/${id}?include=input`)
  expect(whole.body).toMatchObject({ input, input_bytes: null, output: input })
  expect(await send('GET', `${api.url}/v1/jobs/${id}/input`)).toMatchObject({ status: 200, body: input })
  expect(await send('GET', `${api.url}/v1/jobs/${small.body.id}/input`)).toMatchObject({ body: textOf(max) })
  const part = await fetch(`${api.url}/v1/jobs/${id}/input`, { headers: { range: 'bytes=1-4' } })
  expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
    206,
    `bytes 1-4/${max + 2}`,
    'éé',
  ])
  const etag = part.headers.get('etag') ?? ''
  expect(await send('GET', `${api.url}/v1/jobs/${id}/input`, { headers: { 'if-none-match': etag } })).toMatchObject({
    status: 304,
  })
  const beyond = { range: `bytes=${max + 2}-` }
  expect(await send('GET', `${api.url}/v1/jobs/${id}/input`, { headers: beyond })).toMatchObject({
    status: 416,
    body: { code: 'range_not_satisfiable' },
  })
  expect(await send('GET', `${api.url}/v1/jobs/${id}?include=output`)).toMatchObject({ status: 400 })
  expect(await send('GET', `${api.url}/v1/jobs/io_x/input`)).toMatchObject({ status: 404 })
})

test('a picture of two megabytes costs its clients nothing until they ask for it, in any state, also in a retry', async () => {
  const { api } = await startStack()
  const picture = { data: createHash('sha256').update('x').digest('hex').repeat(34_000) }
  const { body: job } = await submit(api.url, 'echo', picture, { delay_ms: 600_000, tags: ['picture'] })
  const sizes = await Promise.all(
    [`/v1/jobs/${job.id}`, '/v1/jobs?tag=picture'].map(
      async (path) => (await (await fetch(api.url + path)).text()).length,
    ),
  )
  for (const size of [...sizes, JSON.stringify(job).length]) expect(size).toBeLessThan(2000)
  const canceled = await send<JobResource>('POST', `${api.url}/v1/jobs/${job.id}/cancel`)
  const bytes = JSON.stringify(picture).length
  expect(canceled.body).toMatchObject({ state: 'canceled', input: null, input_bytes: bytes })
  const retried = await send<JobResource>('POST', `${api.url}/v1/jobs/${job.id}/retry`)
  expect(retried.body).toMatchObject({ run: 2, input: null, input_bytes: bytes })
  expect((await read(api.url, job.id, 15)).body).toMatchObject({ state: 'succeeded', output: null, input_bytes: bytes })
  expect(await send('GET', `${api.url}/v1/jobs/${job.id}/output`)).toMatchObject({ body: picture })
  expect(await send('GET', `${api.url}/v1/jobs/${job.id}/input`)).toMatchObject({ body: picture })
})

test('flows and webhooks leave out large payloads, and results have them', async () => {
  const { api } = await startStack({ env: { WEBHOOK_SECRETS: webhookSecret('a') } })
  const receiver = await receiveWebhooks()
  const input = textOf(max + 2)
  const chain = [
    { type: 'echo', input },
    { type: 'echo', input: { again: { $output: '' } } },
  ]
  const options = { headers: { prefer: 'wait=50' }, body: { flow: { chain } } }
  const { body: flow } = await send<FlowResource>('POST', `${api.url}/v1/flows`, options)
  expect(flow).toMatchObject({ state: 'succeeded' })
  expect(JSON.stringify(flow).length).toBeLessThan(2000)
  const again = JSON.stringify({ again: input })
  const outputs = [Buffer.byteLength(JSON.stringify(input)), Buffer.byteLength(again)]
  const events = await Array.fromAsync(watch(api.url, flow.id, { kind: 'flows' }))
  const members = events.filter(({ event }) => event === 'member').map(({ data }) => data)
  expect(members).toMatchObject(outputs.map((bytes) => ({ state: 'succeeded', output: null, output_bytes: bytes })))
  const results = await send<{ items: unknown[] }>('GET', `${api.url}/v1/flows/${flow.id}/results`)
  expect(results.body.items).toMatchObject([{ output: input, output_bytes: null }, { output: { again: input } }])
  const jobs = await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs`)
  expect(jobs.body.items.map(({ input_bytes }) => input_bytes)).toEqual(outputs.toReversed())

  const webhook = { url: receiver.url, events: ['succeeded'] }
  const hooked = await submit(api.url, 'echo', input, { webhook, waitS: 10 })
  const [message] = await receiver.received(1)
  expect(message?.payload.data).toMatchObject({ id: hooked.body.id, output: input })
  expect(message?.payload.data).not.toHaveProperty('input')
})

test('a large input that an earlier version stored in the middle of its record is left out, too', async () => {
  const { api, env } = await startStack({ workers: 0 })
  const redis = await redisClient()
  const { body } = await submit(api.url, 'echo', textOf(max + 2), { tags: ['old'] })
  const key = new Keys(env['KEY_PREFIX'] ?? '').job({ queue: 'io', id: body.id })
  const { v, tenant, input, ...rest } = JSON.parse((await redis.hget(key, 'data')) ?? '')
  await redis.hset(key, 'data', JSON.stringify({ v, tenant, input, ...rest }))
  await redis.hdel(key, 'inputBytes')
  expect((await read(api.url, body.id)).body).toMatchObject({ input: null, input_bytes: max + 2, tags: ['old'] })
  expect(await send('GET', `${api.url}/v1/jobs/${body.id}/input`)).toMatchObject({ body: textOf(max + 2) })
})
