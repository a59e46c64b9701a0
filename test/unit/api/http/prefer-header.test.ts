import { expect, test } from 'vitest'
import { preferredReturn, preferredWaitS } from '../../../../src/api/http/prefer-header.ts'

test.each<[header: string | string[] | undefined, waitS: number | undefined]>([
  [undefined, undefined],
  ['wait=5', 5],
  [' Wait = 5 ', 5],
  ['wait="7"', 7],
  ['respond-async, wait=10; foo=bar', 10],
  ['wait=3, wait=9', 3],
  ['wait=50', 50],
  ['wait=51', 50],
  ['wait=600', 50],
  ['wait=99999999999999999999', 50],
  ['wait=0', 0],
  ['wait=-1', undefined],
  ['wait=1.5', undefined],
  ['wait=soon', undefined],
  ['wait="7', undefined],
  ['wait=7"', undefined],
  ['waiting=5', undefined],
  ['', undefined],
  // A quoted string may contain what separates preferences, and escaped quotes (RFC 7240, section 2; RFC 9110, section 5.6.4).
  ['foo="a, wait=1", wait=7', 7],
  [String.raw`foo="a\", wait=1", wait=7`, 7],
  [String.raw`foo="a\\", wait=7`, 7],
  ['foo="a; wait=1"; bar="b, wait=2", wait=7; baz', 7],
  ['foo="never closed, wait=1', undefined],
  [['foo="a"', 'wait=4'], 4],
])('Prefer: %s is a wait of %s seconds', (header, waitS) => {
  expect(preferredWaitS(header)).toBe(waitS)
})

test.each<[header: string | string[] | undefined, kind: string | undefined]>([
  [undefined, undefined],
  ['return=minimal', 'minimal'],
  [' Return = "minimal" ; foo', 'minimal'],
  ['wait=5, return=representation', 'representation'],
  ['return=minimal, return=representation', 'minimal'],
  ['return=most, return=representation', 'representation'],
  ['foo="a, return=minimal"', undefined],
  ['return', undefined],
  ['return=minimally', undefined],
  [['wait=1', 'return=minimal'], 'minimal'],
])('Prefer: %s asks for a %s answer', (header, kind) => {
  expect(preferredReturn(header)).toBe(kind)
})

test('reading a long Prefer header takes time in proportion to its length', () => {
  const from = performance.now()
  for (const text of ['"', '\\"', ',', '"a,', 'wait=', 'return=', ' ']) {
    preferredWaitS(text.repeat(16_384 / text.length))
    preferredReturn(text.repeat(16_384 / text.length))
  }
  expect(performance.now() - from).toBeLessThan(500)
})

test('each of many different headers is read as it is', () => {
  for (let wait = 1; wait <= 50; wait++) {
    for (const kind of ['minimal', 'representation']) {
      const header = `wait=${wait}, return=${kind}`
      // The second time it may be known.
      for (let time = 0; time < 2; time++) {
        expect(preferredWaitS(header)).toBe(wait)
        expect(preferredReturn(header)).toBe(kind)
      }
    }
  }
  expect(preferredWaitS(`wait=4, ${'x'.repeat(200)}`)).toBe(4)
})
