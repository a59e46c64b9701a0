import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { GatheredCalls } from '../../../../src/queue/bullmq/gather-calls.ts'

/** Calls that take `ms`, and how many were under way at once at most. */
function open(ms: number) {
  const seen = { calls: 0, underWay: 0, most: 0 }
  const calls = new GatheredCalls<number, number>({
    async send(items) {
      seen.calls += 1
      seen.underWay += 1
      seen.most = Math.max(seen.most, seen.underWay)
      await sleep(ms)
      seen.underWay -= 1
      return items
    },
    schedule: (flush) => process.nextTick(flush),
    isBounded: true,
    maxItems: 16,
  })
  return { calls, seen }
}

test('each gets its own answer, and what comes while calls are under way is gathered', async () => {
  const { calls, seen } = open(1)
  const items = Array.from({ length: 100 }, (_, n) => n)
  expect(await Promise.all(items.map((n) => calls.push(n, 1)))).toEqual(items)
  expect(seen).toMatchObject({ calls: 7, most: 2 })
})

test('more calls are under way on a far Redis, but not one for each item', async () => {
  const { calls, seen } = open(3)
  for (let n = 0; n < 64; n++) await calls.push(n, 1)
  await Promise.all(Array.from({ length: 320 }, (_, n) => calls.push(n, 1)))
  expect(seen).toMatchObject({ calls: 64 + 20, most: 8 })
})

test('an item without an answer is rejected alone', async () => {
  const calls = new GatheredCalls<number, number>({
    send: (items) => Promise.resolve(items.map((n) => (n === 2 ? new TypeError('no answer') : n))),
    schedule: (flush) => process.nextTick(flush),
    isBounded: false,
    maxItems: 16,
  })
  const answers = await Promise.allSettled([1, 2, 3].map((n) => calls.push(n, 1)))
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('where calls are not bounded, a full one is sent while more are gathered, in order, and each item once', async () => {
  const sent: number[][] = []
  let flush = () => {}
  const calls = new GatheredCalls<number, number>({
    send: (items) => {
      sent.push(items)
      return Promise.resolve(items)
    },
    schedule: (then) => {
      flush = then
    },
    isBounded: false,
    maxItems: 16,
  })
  // The last of the first sixteen does not fit into a call with the others.
  const sizes = Array.from({ length: 50 }, (_, n) => (n === 15 ? 1024 * 1024 : 1))
  const answers = sizes.map((size, n) => calls.push(n, size))
  expect(sent.map(({ length }) => length)).toEqual([15, 1, 16, 16])
  flush()
  expect(await Promise.all(answers)).toEqual(sizes.map((_, n) => n))
  expect(sent.flat()).toEqual(sizes.map((_, n) => n))
  const more = Array.from({ length: 40 }, (_, n) => calls.push(n, 1))
  expect(sent.slice(-2).map(({ length }) => length)).toEqual([16, 16])
  flush()
  expect(await Promise.all(more)).toEqual(Array.from({ length: 40 }, (_, n) => n))
})
