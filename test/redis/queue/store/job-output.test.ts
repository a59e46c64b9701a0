import { pino } from 'pino'
import { expect, test } from 'vitest'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { OutputGoneError, OutputWriter, readStoredOutput } from '../../../../src/queue/store/job-output.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

const log = pino({ level: 'silent' })

async function world() {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const writer = new OutputWriter({ redis, keys, limits: { inline: 100, max: 2_000_000 }, log })
  const ref = newJobRef('io', Date.now())
  const readAll = async (name: unknown, bytes: number, from = 0, to = bytes) =>
    Buffer.concat(
      await Array.fromAsync(readStoredOutput({ redis, keys }, ref, { name: String(name), bytes }, from, to)),
    ).toString()
  return { redis, keys, writer, ref, readAll }
}

test('an output is stored by the worker that holds its job, and by no other', async () => {
  const { redis, keys, writer, ref, readAll } = await world()
  const value = 'ab€'.repeat(200_000)
  const json = JSON.stringify(value)
  const bytes = Buffer.byteLength(json)
  await redis.set(keys.lock(ref), 'mine')
  const kept = await writer.keep(ref, 'mine', value)
  if (kept.status !== 'kept') throw new Error(kept.status)
  expect((await readAll(JSON.parse(kept.json), bytes)) === json).toBe(true)
  expect(await redis.hgetall(keys.job(ref))).toEqual({ outputName: JSON.parse(kept.json), outputBytes: String(bytes) })

  // Another worker has the job by now: what the first says changes nothing.
  await redis.set(keys.lock(ref), "another's")
  expect(await writer.keep(ref, 'mine', 'x'.repeat(200_000))).toEqual({ status: 'lost' })
  await writer.discard(ref, 'mine')
  expect((await readAll(JSON.parse(kept.json), bytes)) === json).toBe(true)

  const second = await writer.keep(ref, "another's", 'y'.repeat(300_000))
  if (second.status !== 'kept') throw new Error(second.status)
  expect(await readAll(JSON.parse(second.json), 300_002)).toBe(JSON.stringify('y'.repeat(300_000)))
  expect(await redis.hlen(keys.output(ref))).toBe(1 + 2)
  await expect(readAll(JSON.parse(kept.json), bytes)).rejects.toBeInstanceOf(OutputGoneError)
  await writer.discard(ref, "another's")
  expect(await redis.exists(keys.output(ref), keys.job(ref))).toBe(0)
})

test('a worker that loses its job while it stores an output stores no more of it', async () => {
  const { redis, keys, writer, ref } = await world()
  await redis.set(keys.lock(ref), 'mine')
  const keeping = writer.keep(ref, 'mine', 'x'.repeat(1_900_000))
  // Pieces go one after the other, so that this comes behind the first and before the last.
  await redis.set(keys.lock(ref), "another's")
  expect(await keeping).toEqual({ status: 'lost' })
  expect(await redis.hlen(keys.output(ref))).toBeLessThan(1 + 8)
})

test('small outputs stay in the job; outputs are limited by bytes, not by characters', async () => {
  const { redis, keys, writer, ref } = await world()
  await redis.set(keys.lock(ref), 'mine')
  expect(await writer.keep(ref, 'mine', 'x'.repeat(98))).toEqual({ status: 'kept', json: `"${'x'.repeat(98)}"` })
  expect(await writer.keep(ref, 'mine', '€'.repeat(700_000))).toEqual({ status: 'too_large', max: 2_000_000 })
  expect(await redis.exists(keys.output(ref))).toBe(0)
})

test('an output that Redis refuses leaves nothing', async () => {
  const { redis, keys, writer, ref } = await world()
  await redis.set(keys.lock(ref), 'mine')
  // The job's key holds something else: the script fails after it has begun.
  await redis.set(keys.job(ref), 'no hash')
  expect(await writer.keep(ref, 'mine', 'x'.repeat(200))).toEqual({ status: 'refused' })
  expect(await redis.exists(keys.output(ref))).toBe(0)
})
