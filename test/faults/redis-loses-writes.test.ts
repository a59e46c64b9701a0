import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { connectRedis } from '../../src/queue/redis/connection.ts'
import { fence, incarnationOf, OtherIncarnationError } from '../../src/queue/redis/incarnation.ts'
import { submit, watch } from '../helpers/client.ts'
import { echo, readFlow, results, sleep, submitFlow } from '../helpers/flows.ts'
import { canOwnRedis, type OwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const patience = { timeout: 120_000 }

async function ownRedis(): Promise<OwnRedis> {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.close())
  return redis
}

/** Redis has written so many more bytes. @returns its size then */
async function writes(redis: OwnRedis, bytes: number): Promise<number> {
  const from = await redis.written()
  return waitFor(
    'Redis to write',
    () => redis.written(),
    (size) => size >= from + bytes,
    { everyMs: 5, withinMs: 60_000 },
  )
}

/** Each step passes on what the one before has returned: the output of the last one is `n`. */
function flowOf(n: number) {
  if (n % 3 === 0)
    return { chain: [echo(n), { gather: [echo({ $output: '' }), sleep(100), sleep(60)] }, echo({ $output: '/0' })] }
  if (n % 3 === 1) return { chain: [echo(n), ...Array.from({ length: 8 }, () => echo({ $output: '' }))] }
  return {
    chain: [echo([n, n]), { map: { over: { $output: '' }, node: echo({ $item: '' }) } }, echo({ $output: '/1' })],
  }
}

test.skipIf(!canOwnRedis)(
  'flows go on from what Redis has when it has lost its last moments, twice, while all processes live on',
  patience,
  async () => {
    const redis = await ownRedis()
    const env = { REDIS_URL: redis.url, LOCK_MS: '1500', WORKER_QUEUES: 'io:8' }
    const { api, addWorker } = await startStack({ workers: 0, env })
    const flows = await Promise.all(Array.from({ length: 100 }, (_, n) => submitFlow(api.url, flowOf(n))))
    expect(flows.map(({ status }) => status)).toEqual(flows.map(() => 202))
    await addWorker()
    for (let round = 0; round < 2; round++) {
      const kept = await writes(redis, 100_000)
      await writes(redis, 60_000)
      await redis.loseAfter(kept)
      await redis.start()
    }
    for (const [n, { body }] of flows.entries()) {
      const ended = await waitFor(
        'the flow to end',
        () => readFlow(api.url, body.id, 5),
        (flow) => flow.body.done,
        { withinMs: 45_000 },
      )
      expect(ended.body, `flow ${n}`).toMatchObject({ state: 'succeeded' })
      expect((await results(api.url, body.id)).at(-1)?.output, `flow ${n}`).toBe(n)
    }
  },
)

test.skipIf(!canOwnRedis)(
  'a stream goes on with the next events when Redis has lost some that it had sent',
  patience,
  async () => {
    const redis = await ownRedis()
    const { api } = await startStack({ env: { REDIS_URL: redis.url } })
    const { body } = await submit(api.url, 'sleep', { duration_ms: 5000, steps: 10 })
    const fractions: number[] = []
    let kept = 0
    for await (const { event, data } of watch(api.url, body.id)) {
      if (event === 'done') expect(data).toMatchObject({ state: 'succeeded' })
      if (event !== 'progress') continue
      const { fraction } = Object(data)
      fractions.push(fraction)
      if (fractions.length === 1) kept = await redis.written()
      if (fractions.length !== 4) continue
      await redis.loseAfter(kept)
      await redis.start()
    }
    // Four before the loss; the worker goes on with its job, and none that follows is taken for one that was sent.
    expect(fractions.length).toBeGreaterThanOrEqual(9)
    expect(fractions.at(-1)).toBe(1)
  },
)

test.skipIf(!canOwnRedis)(
  'a fenced command fails in another incarnation of Redis, and is sent again when only the connection was lost',
  patience,
  async () => {
    const redis = await ownRedis()
    const log = pino({ level: 'silent' })
    const connection = await connectRedis({ url: redis.url, role: 'worker', name: 'fenced', log })
    onTestFinished(() => connection.disconnect())
    const fenced = fence(connection)
    await fenced.set('before', 1)
    const other = await connectRedis({ url: redis.url, role: 'worker', name: 'other', log })
    onTestFinished(() => other.disconnect())
    const pending = fenced.blpop('list', 0)
    await waitFor(
      'the command',
      () => other.client('LIST'),
      (list) => String(list).includes('cmd=blpop'),
    )
    await other.client('KILL', 'ID', Number(/id=(\d+) .*cmd=blpop/.exec(String(await other.client('LIST')))?.[1]))
    await other.rpush('list', 'pushed')
    expect(await pending).toEqual(['list', 'pushed'])
    expect(incarnationOf(connection)).toBe(0)

    const lost = fenced.blpop('list', 0)
    const kept = connection.set('after', 1)
    const failure = lost.then(
      () => undefined,
      (error: unknown) => error,
    )
    await waitFor(
      'the command',
      () => other.client('LIST'),
      (list) => String(list).includes('cmd=blpop'),
    )
    await redis.kill()
    await redis.start()
    expect(await failure).toBeInstanceOf(OtherIncarnationError)
    expect(await kept).toBe('OK')
    expect(incarnationOf(connection)).toBe(1)
    await expect(fenced.get('before')).rejects.toThrow(OtherIncarnationError)
    expect(await fence(connection).get('before')).toBe('1')
  },
)

test.skipIf(!canOwnRedis)(
  'a server that gets the data of another one under its connections is found to be another incarnation',
  patience,
  async () => {
    const [redis, other] = await Promise.all([ownRedis(), ownRedis()])
    const log = pino({ level: 'silent' })
    const connection = await connectRedis({ url: redis.url, role: 'worker', name: 'kept', log })
    onTestFinished(() => connection.disconnect())
    const id = await connection.client('ID')
    await connection.replicaof('127.0.0.1', other.port)
    await connection.replicaof('NO', 'ONE')
    await waitFor(
      'another incarnation',
      () => incarnationOf(connection),
      (found) => found > 0,
      { withinMs: 60_000 },
    )
    expect(await connection.client('ID')).toBe(id)
  },
)
