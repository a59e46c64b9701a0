import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { connectRedis } from '../../../../src/queue/redis/connection.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { canOwnRedis, startOwnRedis } from '../../../helpers/own-redis.ts'

const inputBytes = 4_000_000

test.skipIf(!canOwnRedis)(
  'a job of another tenant is read no more than one that is not there, whatever its size',
  async () => {
    const server = await startOwnRedis()
    onTestFinished(() => server.close())
    const redis = await connectRedis({ url: server.url, role: 'client', name: 'test', log: pino({ level: 'silent' }) })
    onTestFinished(() => redis.disconnect())
    const queue = new JobQueue({ client: redis, keys: new Keys(keyPrefix()), queues: ['io'] })
    const ref = newJobRef('io', Date.now())
    const record = { tenant: 'acme', input: 'x'.repeat(inputBytes) }
    await queue.add({ ref, type: 'echo', attempts: 1, createdAt: Date.now(), record })

    /** What Redis sends while a job is read, in bytes. */
    const sent = async (id: typeof ref, tenant?: string) => {
      const total = async () => Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1])
      const before = await total()
      const job = await queue.read(id, tenant)
      return { bytes: (await total()) - before, tenant: job?.record.tenant }
    }
    expect(await sent(ref, 'acme')).toMatchObject({ tenant: 'acme', bytes: expect.toSatisfy((n) => n > inputBytes) })
    expect((await sent(ref)).tenant).toBe('acme')
    const none = await sent(newJobRef('io', Date.now()), 'other')
    // The text of INFO differs by some digits.
    expect(await sent(ref, 'other')).toMatchObject({
      tenant: undefined,
      bytes: expect.toSatisfy((n) => Math.abs(n - none.bytes) < 200),
    })
  },
)
