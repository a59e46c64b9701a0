import { expect, test } from 'vitest'
import { OriginLimiter } from '../../../../src/worker/webhooks/concurrency-per-origin.ts'

const at = (ms: number) => () => ms

test('deliveries to one origin are limited, and those to others do not wait', async () => {
  const limiter = new OriginLimiter(2, () => 1)
  expect(await limiter.enter('http://slow', at(0))).toBeUndefined()
  expect(await limiter.enter('http://slow', at(0))).toBeUndefined()
  expect(await limiter.enter('http://slow', at(1000))).toBeGreaterThan(0)
  expect(await limiter.enter('http://fast', at(1000))).toBeUndefined()
  limiter.leave('http://slow', 10)
  expect(await limiter.enter('http://slow', at(1020))).toBeUndefined()
})

test('a delivery to a fast origin waits for a slot, in order, and not for long', async () => {
  const limiter = new OriginLimiter(1, () => 0)
  await limiter.enter('http://quick', at(0))
  const entered: string[] = []
  const waiting = ['first', 'second', 'third'].map(async (name) => {
    if ((await limiter.enter('http://quick', at(0))) === undefined) entered.push(name)
    else entered.push(`not ${name}`)
  })
  limiter.leave('http://quick', 10)
  await waiting[0]
  expect(entered).toEqual(['first'])
  limiter.leave('http://quick', 10)
  await waiting[1]
  expect(entered).toEqual(['first', 'second'])
  await waiting[2]
  expect(entered).toEqual(['first', 'second', 'not third'])
})

test('deliveries to a full slow origin are delayed one behind the other, at its rate, and by at most a minute', async () => {
  const limiter = new OriginLimiter(1, () => 0)
  await limiter.enter('http://slow', at(0))
  // It has not responded for four seconds, so a delivery takes at least that long.
  const entered = Array.from({ length: 20 }, () => limiter.enter('http://slow', at(4000)))
  const waits = (await Promise.all(entered)).map((wait) => wait ?? Number.NaN)
  expect(waits.slice(0, 3)).toEqual([4000, 8000, 12_000])
  expect(Math.max(...waits)).toBe(60_000)
})

test('an origin without deliveries is forgotten', async () => {
  const limiter = new OriginLimiter(1, () => 0)
  await limiter.enter('http://a', at(0))
  limiter.leave('http://a', 60_000)
  await limiter.enter('http://a', at(0))
  expect(await limiter.enter('http://a', at(300))).toBeLessThan(1000)
})

test('each failure halves the limit of an origin, also when it is idle meanwhile, and a success restores it', async () => {
  const limiter = new OriginLimiter(4, () => 1)
  const enterAll = async (count: number) => {
    const entered = Array.from({ length: count }, () => limiter.enter('http://failing', at(0)))
    return (await Promise.all(entered)).filter((delay) => delay === undefined).length
  }
  expect(await enterAll(6)).toBe(4)
  limiter.leave('http://failing', 5, true)
  limiter.leave('http://failing', 5)
  limiter.leave('http://failing', 5)
  limiter.leave('http://failing', 5)
  expect(await enterAll(6)).toBe(2)
  limiter.leave('http://failing', 5, true)
  limiter.leave('http://failing', 5, true)
  expect(await enterAll(6)).toBe(1)
  expect(await limiter.enter('http://other', at(0))).toBeUndefined()
  limiter.leave('http://failing', 5, false)
  expect(await enterAll(6)).toBe(4)
})

test('a success passes all slots to those that wait', async () => {
  const limiter = new OriginLimiter(4, () => 0)
  await limiter.enter('http://failing', at(0))
  limiter.leave('http://failing', 5, true)
  await limiter.enter('http://failing', at(0))
  limiter.leave('http://failing', 5, true)
  await limiter.enter('http://failing', at(0))
  const waiting = Array.from({ length: 4 }, () => limiter.enter('http://failing', at(0)))
  limiter.leave('http://failing', 5, false)
  expect(await Promise.all(waiting)).toEqual([undefined, undefined, undefined, undefined])
})
