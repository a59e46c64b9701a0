import { expect, test } from 'vitest'
import { entityTags, knownTag } from '../../../../src/api/http/etag.ts'
import { preferredWaitS } from '../../../../src/api/http/prefer-header.ts'

test.each<[header: string, texts: string[]]>([
  ['"a"', ['a']],
  [' "a" ,W/"b",\t"c;gzip" ', ['a', 'b', 'c']],
  ['"a,b", "*,", "c"', ['a,b', '*,', 'c']],
  ['a, "b"x, x"c", "d"', ['d']],
  ['"a", "open', ['a']],
  ['', []],
])('the tags of %j are %j', (header, texts) => {
  expect(entityTags(header).map(({ text }) => text)).toEqual(texts)
})

test('an If-None-Match of any tag names each', () => {
  expect(knownTag('*', '"a"')).toBe('"a"')
  expect(knownTag('"*"', '"a"')).toBeUndefined()
  expect(knownTag('"b", "a;br"', '"a"')).toBe('"a;br"')
})

// A quadratic expression needs minutes for this length.
const many = 300_000
test.each([
  ['spaces', `x${' '.repeat(many)}x`],
  ['quotes', `${'"'.repeat(many + 1)}x`],
  ['commas', ','.repeat(many)],
  ['open weak tags', 'W/"a '.repeat(many)],
  ['escaped quotes', `"${String.raw`\"`.repeat(many)}\\`],
])('headers of many %s are read in linear time', (_, header) => {
  const start = performance.now()
  entityTags(header)
  preferredWaitS(header)
  expect(performance.now() - start).toBeLessThan(5000)
})
