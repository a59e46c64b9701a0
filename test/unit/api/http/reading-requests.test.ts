import { expect, test } from 'vitest'
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
