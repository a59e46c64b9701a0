import { expect, test } from 'vitest'
import { OriginTurns } from '../../../../src/queue/webhooks/origin-turns.ts'

test('each ten of a burst to one origin are in the next turn, and another origin starts with the first', () => {
  const turns = new OriginTurns()
  const burst = Array.from({ length: 25 }, (_, n) => turns.next(`https://busy.example/${n}`, 0))
  expect(burst).toEqual([...Array(10).fill(0), ...Array(10).fill(1), ...Array(5).fill(2)])
  expect(turns.next('https://other.example/', 0)).toBe(0)
  expect(turns.next('http://busy.example/', 0)).toBe(0)
})

test('deliveries at a steady pace stay in the first turn, and a burst is forgotten with time', () => {
  const turns = new OriginTurns()
  for (let n = 0; n < 1000; n++) expect(turns.next('https://steady.example/', n * 10)).toBe(0)
  for (let n = 0; n < 1000; n++) turns.next('https://steady.example/', 10_000)
  expect(turns.next('https://steady.example/', 10_000)).toBe(100)
  expect(turns.next('https://steady.example/', 15_000)).toBe(50)
  expect(turns.next('https://steady.example/', 30_000)).toBe(0)
})

test('an enormous burst stays within the priorities that BullMQ has', () => {
  const turns = new OriginTurns()
  for (let n = 0; n < 200_000; n++) turns.next('https://busy.example/', 0)
  expect(turns.next('https://busy.example/', 0)).toBe(10_000)
})
