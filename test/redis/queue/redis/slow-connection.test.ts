import { expect, inject, onTestFinished, test } from 'vitest'
import { connectRedis } from '../../../../src/queue/redis/connection.ts'
import { TcpProxy } from '../../../helpers/tcp-proxy.ts'

test('a Redis that is slow to answer at the start is announced as away, and then as back', async () => {
  const proxy = await TcpProxy.open(Number(new URL(inject('redisUrl')).port))
  onTestFinished(() => proxy.close())
  const lines: object[] = []
  const record = (fields: object, message: string) => void lines.push({ ...fields, message })
  // No error ends this wait: the connection stands.
  proxy.hold('answers')
  const redis = await connectRedis({
    url: `redis://127.0.0.1:${proxy.port}`,
    role: 'worker',
    name: 'slow',
    log: { debug: () => undefined, info: record, warn: record },
    onWait: () => proxy.hold('nothing'),
  })
  redis.disconnect()
  expect(lines).toMatchObject([
    { connection: 'slow', connected: false, message: 'waiting for Redis', err: undefined },
    { connection: 'slow', connected: true },
  ])
})
