import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isDeeperThan } from '../../../../src/api/http/json-body.ts'
import { preferredWaitS } from '../../../../src/api/http/prefer-header.ts'

test('a wait is read out of Prefer, the first of several, at most 60; nonsense is ignored', () => {
  const cases: [header: string | undefined, waitS: number | undefined][] = [
    [undefined, undefined],
    ['wait=5', 5],
    [' Wait = 5 ', 5],
    ['wait="7"', 7],
    ['respond-async, wait=10; foo=bar', 10],
    ['wait=3, wait=9', 3],
    ['wait=600', 60],
    ['wait=99999999999999999999', 60],
    ['wait=0', 0],
    ['wait=-1', undefined],
    ['wait=1.5', undefined],
    ['wait=soon', undefined],
    ['waiting=5', undefined],
    ['', undefined],
  ]
  for (const [header, waitS] of cases) expect(preferredWaitS(header), header).toBe(waitS)
})

test('depth is counted as a parser would, strings and escapes included', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
  fc.assert(
    fc.property(fc.json({ maxDepth: 6, noUnicodeString: false }), fc.integer({ min: 0, max: 7 }), (text, most) => {
      expect(isDeeperThan(text, most)).toBe(depthOf(JSON.parse(text)) > most)
    }),
  )
  expect(isDeeperThan(`"${'['.repeat(100)}"`, 64)).toBe(false)
  expect(isDeeperThan(String.raw`"\"${'['.repeat(100)}"`, 64)).toBe(false)
})
