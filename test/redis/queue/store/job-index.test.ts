import { array, asyncProperty, check, constantFrom, integer, record } from 'fast-check'
import { ulid } from 'ulid'
import { expect, test } from 'vitest'
import { BullQueues } from '../../../../src/queue/bullmq/bull-queues.ts'
import { type JobRef, ulidOf, ulidTime } from '../../../../src/queue/model/job-id.ts'
import type { Redis } from '../../../../src/queue/redis/connection.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { JobIndex } from '../../../../src/queue/store/job-index.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

const queues = ['io', 'cpu']
/** Of any time, where the ids of one process only rise. */
const refAt = (queue: string, at: number): JobRef => ({ queue, id: `${queue}_${ulid(at).toLowerCase()}` })
const base = 1_800_000_000_000

/** All pages of a tenant's list, as a client walks them: each ends after some step of a search. */
async function walk(
  index: JobIndex,
  tenant: string,
  count: number,
  from = 0,
  to = Number.MAX_SAFE_INTEGER,
  all = queues,
) {
  const seen: string[] = []
  let behind: string | undefined
  for (;;) {
    const search = { tenant, queues: all, filter: {}, behind, from, to, count }
    const { value: step } = await index.search(search).next()
    const page = step?.found.slice(0, count) ?? []
    seen.push(...page.map(({ ref }) => ref.id))
    behind = page.length < (step?.found.length ?? 0) ? page.at(-1)?.ulid : step?.searchedTo
    if (behind === undefined) return seen
  }
}

const newestFirst = (a: string, b: string) => (ulidOf(a) < ulidOf(b) ? 1 : -1)

function storeIn(deps: { redis: Redis; keys: Keys }) {
  const queues = new BullQueues({ ...deps, isListed: true })
  return (ref: JobRef, tenant: string) =>
    queues.add({
      ref,
      type: 'echo',
      record: { tenant, input: null },
      attempts: 1,
      createdAt: base,
    })
}

test('pages of any size list every job of a tenant once, newest first, however many were created in one millisecond', async () => {
  const redis = await redisClient()
  const job = record({
    at: integer({ min: 0, max: 3 }),
    queue: constantFrom(...queues),
    tenant: constantFrom('a', 'ab'),
  })
  const property = asyncProperty(
    array(job, { maxLength: 60 }),
    integer({ min: 1, max: 20 }),
    integer({ min: 0, max: 4 }),
    async (jobs, count, from) => {
      const deps = { redis, keys: new Keys(keyPrefix()) }
      const index = new JobIndex(deps)
      const ids: Record<string, string[]> = { a: [], ab: [] }
      for (const { at, queue, tenant } of jobs) {
        const ref = refAt(queue, base + at)
        await storeIn(deps)(ref, tenant)
        ids[tenant]?.push(ref.id)
      }
      for (const tenant of ['a', 'ab']) {
        const expected = ids[tenant]?.toSorted(newestFirst)
        expect(await walk(index, tenant, count)).toEqual(expected)
        const fromThen = expected?.filter((id) => ulidOf(id) >= ulidTime(base + from))
        expect(await walk(index, tenant, count, base + from)).toEqual(fromThen)
      }
    },
  )
  const { failed, counterexample, errorInstance } = await check(property, { numRuns: 40 })
  expect(failed, `${JSON.stringify(counterexample)} ${String(errorInstance)}`).toBe(false)
})

test('three hundred jobs of one millisecond do not end a list early', async () => {
  const redis = await redisClient()
  const deps = { redis, keys: new Keys(keyPrefix()) }
  const index = new JobIndex(deps)
  const refs = Array.from({ length: 300 }, (_, n) => refAt(queues[n % 2] ?? '', base))
  const older = refAt('io', base - 1)
  const store = storeIn(deps)
  await Promise.all([...refs, older].map((ref) => store(ref, '-')))
  expect(await walk(index, '-', 7)).toEqual([...refs.map(({ id }) => id).toSorted(newestFirst), older.id])
})

test('the pages of many queues are one list, also where one queue has the newest jobs, and ask each queue for few', async () => {
  const redis = await redisClient()
  const deps = { redis, keys: new Keys(keyPrefix()) }
  const index = new JobIndex(deps)
  const many = Array.from({ length: 60 }, (_, n) => `q${n}`)
  const spread = Array.from({ length: 180 }, (_, n) => refAt(many[(n * 7) % 60] ?? '', base + n))
  const ofOne = Array.from({ length: 60 }, (_, n) => refAt('q3', base + 1000 + n))
  const store = storeIn(deps)
  await Promise.all([...spread, ...ofOne].map((ref) => store(ref, '-')))
  const expected = [...spread, ...ofOne].map(({ id }) => id).toSorted(newestFirst)
  expect(await walk(index, '-', 50, 0, Number.MAX_SAFE_INTEGER, many)).toEqual(expected)
  const asked: string[][] = []
  const sendCommand = redis.sendCommand.bind(redis)
  redis.sendCommand = (...sent: Parameters<typeof sendCommand>) => {
    if (sent[0].name === 'zrevrangebylex') asked.push(sent[0].args.map(String))
    return sendCommand(...sent)
  }
  const search = { tenant: '-', queues: many, filter: {}, behind: undefined, from: 0, to: base * 2, count: 50 }
  await index.search(search).next()
  expect(asked.map((args) => args.at(-1))).toEqual(many.map(() => '5'))
})
