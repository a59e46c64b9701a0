import { expect, test } from 'vitest'
import { OriginGate } from '../../../../src/worker/webhooks/concurrency-per-origin.ts'

const at = (ms: number) => () => ms

test('so many go to an origin at once, and others are not held up by it', async () => {
  const gate = new OriginGate(2)
  expect(await gate.enter('http://slow', at(0))).toBeUndefined()
  expect(await gate.enter('http://slow', at(0))).toBeUndefined()
  expect(await gate.enter('http://slow', at(1000))).toBeGreaterThan(0)
  expect(await gate.enter('http://fast', at(1000))).toBeUndefined()
  gate.leave('http://slow', 10)
  expect(await gate.enter('http://slow', at(1020))).toBeUndefined()
})

test('a quick origin is waited for in place, in the order of coming, and not for long', async () => {
  const gate = new OriginGate(1)
  await gate.enter('http://quick', at(0))
  const entered: string[] = []
  const waiting = ['first', 'second', 'third'].map(async (name) => {
    if ((await gate.enter('http://quick', at(0))) === undefined) entered.push(name)
    else entered.push(`not ${name}`)
  })
  gate.leave('http://quick', 10)
  await waiting[0]
  expect(entered).toEqual(['first'])
  gate.leave('http://quick', 10)
  await waiting[1]
  expect(entered).toEqual(['first', 'second'])
  await waiting[2]
  expect(entered).toEqual(['first', 'second', 'not third'])
})

test('those that find a slow one full come back one behind the other, at its pace, and within a minute', async () => {
  const gate = new OriginGate(1)
  await gate.enter('http://slow', at(0))
  // It has not answered for four seconds: that is its pace at best.
  const waits: number[] = []
  for (let n = 0; n < 20; n++) waits.push((await gate.enter('http://slow', at(4000))) ?? Number.NaN)
  expect(waits.slice(0, 3)).toEqual([4000, 8000, 12_000])
  expect(Math.max(...waits)).toBe(60_000)
})

test('an origin that has nobody there is forgotten', async () => {
  const gate = new OriginGate(1)
  await gate.enter('http://a', at(0))
  gate.leave('http://a', 60_000)
  await gate.enter('http://a', at(0))
  expect(await gate.enter('http://a', at(300))).toBeLessThan(1000)
})
