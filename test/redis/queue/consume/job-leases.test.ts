import { pino } from 'pino'
import { expect, inject, onTestFinished, test } from 'vitest'
import { JobLeases } from '../../../../src/queue/consume/job-leases.ts'
import { LoopBlocker } from '../../../../src/queue/consume/loop-blocker.ts'
import { monotonicMs } from '../../../../src/queue/model/monotonic.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

const lockMs = 1000

/** Leases of the queue `io` that only the thread renews, since no worker runs here. */
async function world(redisAt = { url: inject('redisUrl') }) {
  const logs: { level: number; msg: string }[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void logs.push(JSON.parse(line)) })
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const leases = new JobLeases({
    redisAt,
    keys,
    queues: ['io'],
    concurrency: 10,
    lockMs,
    blocker: new LoopBlocker(),
    log,
  })
  onTestFinished(() => leases.stop())
  const hold = async (id: string, token: string) => {
    await redis.set(keys.lock({ queue: 'io', id }), token, 'PX', lockMs)
    return leases.hold('io', id, token, monotonicMs())
  }
  const lockOf = (id: string) => redis.get(keys.lock({ queue: 'io', id }))
  const until = (what: string, ask: () => unknown, is: (answer: unknown) => boolean = Boolean) =>
    waitFor(what, async () => ask(), is)
  const isRenewing = () => logs.some(({ msg }) => msg.includes('renews leases'))
  return { redis, keys, leases, hold, lockOf, until, isRenewing, logs, redisAt }
}

test('the thread renews a lease for as long as it is held, and a lease that is not held expires', async () => {
  const { hold, lockOf, until, isRenewing } = await world()
  const first = await hold('first', 'a')
  await until('the thread', isRenewing)
  first.release()
  const [kept, left] = [await hold('kept', 'b'), await hold('left', 'c')]
  const heldSince = kept.heldSince
  left.giveUp()
  await until(
    'the end of what was given up',
    () => lockOf('left'),
    (lock) => lock === null,
  )
  expect(await lockOf('kept')).toBe('b')
  await until('renewals', () => kept.heldSince - heldSince > lockMs)
  expect([kept.isGone, left.isGone]).toEqual([false, true])
})

test('a lease that another worker has is not renewed, and known to be gone', async () => {
  const { redis, keys, hold, until } = await world()
  const lease = await hold('job', 'mine')
  await redis.set(keys.lock({ queue: 'io', id: 'job' }), 'of another', 'PX', 60_000)
  await until('the refusal', () => lease.isGone)
  expect(await redis.pttl(keys.lock({ queue: 'io', id: 'job' }))).toBeGreaterThan(lockMs * 2)
  expect(await redis.get(keys.lock({ queue: 'io', id: 'job' }))).toBe('of another')
})

test('a thread that dies is started again, says so once, and renews what is held', async () => {
  const { redisAt, hold, lockOf, until, isRenewing, logs } = await world({ url: 'nonsense' })
  const failures = () => logs.filter(({ level }) => level >= 50)
  const lease = await hold('job', 'mine')
  await until('the failure', () => failures().length > 0)
  redisAt.url = inject('redisUrl')
  await until('the next thread', isRenewing)
  expect(failures()).toHaveLength(1)
  lease.release()
  const later = await hold('later', 'mine')
  await until('renewals', () => later.heldSince > monotonicMs() - lockMs / 2)
  expect(await lockOf('later')).toBe('mine')
})

test('the thread waits for a Redis that is away, and ends with its worker', async () => {
  const { leases, hold, until, logs } = await world({ url: 'redis://127.0.0.1:1' })
  await hold('job', 'mine')
  await until('the first warning', () => logs.length > 0)
  await leases.stop()
  await leases.stop()
  expect(logs.filter(({ level }) => level >= 50)).toEqual([])
})
