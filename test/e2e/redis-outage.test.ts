import { expect, onTestFinished, test } from 'vitest'
import { type Answer, read, send, submit, watchToEnd } from '../helpers/client.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/**
 * A request without Redis fails within a second: a command gets 900 ms. On a busy machine the rest takes longer; this is still
 * less than the 2 s after which a silent connection is closed, so only the limit of the command can be the cause.
 */
const promptMs = 1900

/** A request that is answered in time, once in three times: a busy machine makes answers late. */
async function promptly<T>(request: () => Promise<Answer<T>>): Promise<Answer<T>> {
  for (let tries = 1; ; tries++) {
    const from = performance.now()
    const answer = await request()
    const ms = performance.now() - from
    if (ms < promptMs) return answer
    if (tries === 3) throw new Error(`answered after ${Math.round(ms)} ms`)
  }
}

async function stackOnOwnRedis() {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.close())
  const stack = await startStack({ env: { REDIS_URL: redis.url } })
  return { redis, ...stack }
}

test.skipIf(!canOwnRedis)(
  'while Redis is unreachable, requests fail within a second; when it is back, everything recovers by itself',
  async () => {
    const { redis, api } = await stackOnOwnRedis()
    const before = await submit(api.url, 'echo', 'before', { waitS: 10 })
    await redis.kill()
    const requests = [
      () => submit(api.url, 'echo', 1),
      () => submit(api.url, 'echo', 1, { waitS: 30 }),
      () => read(api.url, before.body.id),
      () => read(api.url, before.body.id, 30),
      () => send('GET', `${api.url}/v1/jobs/${before.body.id}/events`),
      () => send('GET', `${api.url}/readyz`),
    ]
    for (const request of [...requests, ...requests]) {
      const answer = await promptly<unknown>(request)
      expect(answer).toMatchObject({ status: 503, body: { code: 'queue_unavailable' } })
      expect(answer.headers.get('retry-after')).toBe('1')
    }
    expect(await send('GET', `${api.url}/livez`)).toMatchObject({ status: 200 })
    await redis.start()
    await waitFor(
      'the API to be ready',
      () => send('GET', `${api.url}/readyz`),
      ({ status }) => status === 200,
    )
    expect(await submit(api.url, 'echo', 'after', { waitS: 15 })).toMatchObject({
      status: 200,
      body: { output: 'after' },
    })
    expect(await read(api.url, before.body.id)).toMatchObject({ status: 200, body: { output: 'before' } })
  },
)

test.skipIf(!canOwnRedis)('a Redis that hangs is treated as unreachable: 503 within a second', async () => {
  const { redis, api } = await stackOnOwnRedis()
  redis.freeze()
  for (const request of [() => submit(api.url, 'echo', 1), () => send('GET', `${api.url}/readyz`)]) {
    expect(await promptly<unknown>(request)).toMatchObject({ status: 503 })
  }
  redis.thaw()
  // The connection that did not answer was given up, and a new one is open soon.
  await waitFor(
    'a job to be accepted and to succeed',
    () => submit(api.url, 'echo', 'after', { waitS: 15 }),
    ({ status, body }) => status === 200 && body.output === 'after',
  )
})

test.skipIf(!canOwnRedis)(
  'a wait and a stream that were open during a restart of Redis still receive the end of their job',
  async () => {
    const { redis, api } = await stackOnOwnRedis()
    const { body } = await submit(api.url, 'sleep', { duration_ms: 3000, steps: 3 })
    const waiting = read(api.url, body.id, 30)
    const watching = watchToEnd(api.url, body.id)
    await waitFor(
      'the job to run',
      () => read(api.url, body.id),
      (job) => job.body.state === 'running',
    )
    await redis.kill()
    await redis.start()
    expect(await waiting).toMatchObject({ status: 200, body: { state: 'succeeded', output: { slept_ms: 3000 } } })
    const events = await watching
    expect(events.at(-1)?.event === 'done' ? events : await watchToEnd(api.url, body.id, events.at(-1)?.id)).toSatisfy(
      (seen: typeof events) => seen.at(-1)?.event === 'done',
    )
  },
)
