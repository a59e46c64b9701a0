import { expect, test } from 'vitest'
import { childTraceparent, readTraceparent } from '../../../src/jobs/trace-context.ts'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'

test.each([
  [`00-${trace}-${parent}-01`, `00-${trace}-${parent}-01`],
  // Of a later version the fields that this one knows are read.
  [`01-${trace}-${parent}-03-more-fields`, `00-${trace}-${parent}-03`],
  [`cc-${trace}-${parent}-00`, `00-${trace}-${parent}-00`],
])('%s is read as %s', (header, read) => expect(readTraceparent(header)).toBe(read))

test.each([
  undefined,
  '',
  ['00'],
  `ff-${trace}-${parent}-01`,
  `00-${trace}-${parent}-01-more`,
  `01-${trace}-${parent}-01more`,
  `00-${'0'.repeat(32)}-${parent}-01`,
  `00-${trace}-${'0'.repeat(16)}-01`,
  `00-${trace.toUpperCase()}-${parent}-01`,
  `00-${trace}-${parent}`,
])('%s is no trace', (header) => expect(readTraceparent(header)).toBeUndefined())

test('a child has the trace, a parent id of its own, and the flags that are known', () => {
  const children = new Set(Array.from({ length: 100 }, () => childTraceparent(`00-${trace}-${parent}-ff`)))
  expect(children.size).toBe(100)
  for (const child of children) {
    expect(child).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-03$`))
    expect(readTraceparent(child)).toBe(child)
    expect(child).not.toContain(parent)
  }
})
