import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { submit } from '../helpers/client.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'

import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

test.skipIf(!canOwnRedis)(
  'a FLUSHALL under two hundred running jobs is logged by a few lines, and the next job succeeds',
  { timeout: 120_000 },
  async () => {
    const own = await startOwnRedis()
    onTestFinished(() => own.close())
    const stack = await startStack({ env: { REDIS_URL: own.url, WORKER_QUEUES: 'io:200' } })
    const redis = new Redis(own.url)
    onTestFinished(() => redis.disconnect())
    const submitted = Array.from({ length: 200 }, () => submit(stack.api.url, 'sleep', { duration_ms: 3000 }))
    for (const { status } of await Promise.all(submitted)) expect(status).toBe(202)
    await redis.flushall()

    const next = await waitFor(
      'a job that succeeds',
      () => submit(stack.api.url, 'echo', 1, { waitS: 10 }),
      ({ status, body }) => status === 200 && body.state === 'succeeded',
      { withinMs: 60_000 },
    )
    expect(next.body.output).toBe(1)
    const [worker] = stack.workers
    if (!worker) throw new Error('there is a worker')
    worker.signal('SIGTERM')
    await worker.ended
    const lines = worker.logs.filter(({ level }) => Number(level) >= 40).map(({ msg }) => String(msg))
    expect(lines.filter((line) => line.startsWith('the settlement of a job was refused')).length).toBeLessThan(12)
    expect(lines.length).toBeLessThan(24)
  },
)
