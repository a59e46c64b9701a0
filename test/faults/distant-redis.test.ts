import { expect, inject, onTestFinished, test } from 'vitest'
import { read, submit } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

test('a Redis that is 800 ms away is usable with a longer command timeout, and the error names that setting', {
  timeout: 90_000,
}, async () => {
  const url = new URL(inject('redisUrl'))
  const proxy = await TcpProxy.open(Number(url.port))
  onTestFinished(() => proxy.close())
  url.port = String(proxy.port)
  const env = { REDIS_URL: url.href }
  const stack = await startStack({ env: { ...env, REDIS_COMMAND_TIMEOUT_MS: '20000' } })
  const short = await stack.addApi({ REDIS_COMMAND_TIMEOUT_MS: '700' })
  proxy.delay(800)

  const done = await submit(stack.api.url, 'echo', { far: 'away' }, { waitS: 40 })
  expect(done).toMatchObject({ status: 200, body: { state: 'succeeded', output: { far: 'away' } } })
  const { body } = await submit(stack.api.url, 'echo', 2)
  expect(await read(stack.api.url, body.id, 40)).toMatchObject({ status: 200, body: { state: 'succeeded' } })

  expect(await submit(short.url, 'echo', 3)).toMatchObject({
    status: 503,
    body: { code: 'queue_unavailable', detail: expect.stringContaining('REDIS_COMMAND_TIMEOUT_MS') },
  })
})
