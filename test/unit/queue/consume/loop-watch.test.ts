import { expect, test } from 'vitest'
import { LoopWatch } from '../../../../src/queue/consume/loop-watch.ts'

/** Ticks of the other thread: when, and the beats of the main thread by then. */
const blockedAfter = (...ticks: [at: number, beats: number][]) => {
  const watch = new LoopWatch(100)
  return ticks.map(([at, beats]) => watch.tick(beats, at))
}

test('a loop that beats is not blocked', () => {
  expect(blockedAfter([0, 0], [100, 1], [200, 2], [300, 2], [400, 3])).toEqual([0, 0, 0, 100, 0])
})

test('a loop that does not beat is blocked for as long as the other thread ran', () => {
  expect(blockedAfter([0, 7], [100, 7], [200, 7], [320, 7], [420, 8])).toEqual([0, 100, 200, 320, 0])
})

test('a process that was frozen, or got no time, was not blocked meanwhile', () => {
  expect(blockedAfter([0, 1], [60_000, 1], [60_100, 2])).toEqual([0, 200, 0])
  expect(blockedAfter([0, 1], [5000, 1], [10_000, 1], [15_000, 1])).toEqual([0, 200, 400, 600])
})
