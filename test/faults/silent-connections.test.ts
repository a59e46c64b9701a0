import { expect, inject, test } from 'vitest'
import { read, send, submit, watch } from '../helpers/client.ts'
import { freezingProxy } from '../helpers/freezing-proxy.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** On a busy machine processes are slow, too. */
const recoveryMs = 3500

/** An API and a worker whose connections pass a proxy. */
async function world() {
  const url = new URL(inject('redisUrl'))
  const proxy = await freezingProxy(Number(url.port))
  url.port = String(proxy.port)
  const stack = await startStack({ workers: 1, env: { REDIS_URL: url.href } })
  return { ...stack, freeze: proxy.freeze }
}

test('waits and streams recover when the connections of an API have died in silence', {
  timeout: 120_000,
}, async () => {
  const { api, freeze } = await world()
  const running = (await submit(api.url, 'sleep', { duration_ms: 6000, steps: 20 })).body.id
  const times: number[] = []
  const stream = (async () => {
    for await (const { event } of watch(api.url, running)) {
      times.push(performance.now())
      if (event === 'done') return true
    }
    return false
  })()
  await waitFor(
    'the stream to begin',
    () => times.length,
    (count) => count > 1,
  )
  // Its subscriber, and the connection for commands.
  expect(freeze(/drover:api/)).toBe(2)
  const from = performance.now()
  await waitFor(
    'a wait that is not slow',
    async () => {
      const began = performance.now()
      const { status } = await submit(api.url, 'sleep', { duration_ms: 100 }, { waitS: 10 })
      return { status, ms: performance.now() - began }
    },
    ({ status, ms }) => status === 200 && ms < 1000,
    { withinMs: recoveryMs },
  )
  const recovered = performance.now() - from
  await waitFor(
    'the stream to go on',
    () => times.at(-1) ?? 0,
    (last) => last > from + recovered,
  )
  expect(await stream).toBe(true)
})

test('streams get the end of their job although a read before it never had an answer', {
  timeout: 60_000,
}, async () => {
  const { api, freeze } = await world()
  // As many as a heartbeat has turns, so that the last of them is 15 s away.
  const jobs = await Promise.all(
    Array.from({ length: 60 }, () => submit(api.url, 'sleep', { duration_ms: 500, steps: 2 }, { delay_ms: 3000 })),
  )
  let begun = 0
  const streams = jobs.map(async ({ body }) => {
    for await (const { event } of watch(api.url, body.id)) if (event === 'snapshot') begun += 1
  })
  await waitFor(
    'the streams',
    () => begun,
    (count) => count === jobs.length,
  )
  await waitFor(
    'a job to run',
    async () => (await read(api.url, jobs[0]?.body.id ?? '')).body.state,
    (state) => state === 'running',
  )
  expect(freeze(/drover:api(?!-)/)).toBe(1)
  const from = performance.now()
  await Promise.all(streams)
  expect(performance.now() - from).toBeLessThan(10_000)
})

test('cancels reach a worker whose subscription has died in silence', { timeout: 120_000 }, async () => {
  const { api, freeze } = await world()
  const start = async () => {
    const { body } = await submit(api.url, 'sleep', { duration_ms: 60_000 })
    await waitFor(
      'the job to run',
      async () => (await read(api.url, body.id)).body.state,
      (state) => state === 'running',
    )
    return body.id
  }
  const ids = [await start(), await start()]
  expect(freeze(/drover:worker-cancels/)).toBe(1)
  const from = performance.now()
  for (const id of ids) {
    const { status } = await send('POST', `${api.url}/v1/jobs/${id}/cancel`)
    expect(status).toBe(202)
    expect((await read(api.url, id, 10)).body.state).toBe('canceled')
  }
  expect(performance.now() - from).toBeLessThan(recoveryMs)
})
