import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson } from '../../../../src/queue/store/canonical-json.ts'

/** The same value with the members of every object in another order. */
function shuffled(value: unknown, seed: number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, seed + 1))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, item]) => [key, shuffled(item, seed + 1)] as const)
  return Object.fromEntries(seed % 2 === 0 ? members.toReversed() : [...members.slice(1), ...members.slice(0, 1)])
}

const json = fc.jsonValue({ maxDepth: 7 }).map((value): unknown => JSON.parse(JSON.stringify(value)))

test('the text of a value is its JSON, whatever the order of its members was', () => {
  fc.assert(
    fc.property(json, fc.nat(), (value, seed) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(value)
      expect(canonicalJson(shuffled(value, seed))).toBe(text)
    }),
    { numRuns: 1000 },
  )
})

test('different values have different texts', () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      fc.pre(JSON.stringify(a) !== JSON.stringify(b) && !isEqual(a, b))
      expect(canonicalJson(a)).not.toBe(canonicalJson(b))
    }),
  )
})

function isEqual(a: unknown, b: unknown): boolean {
  try {
    expect(a).toEqual(b)
    return true
  } catch {
    return false
  }
}

test('keys are in the order of their code units, those that look like numbers too', () => {
  expect(canonicalJson({ b: 1, a: [{ 9: 1, 10: 2, z: {}, Z: { b: { d: 1, c: {} }, a: null } }] })).toBe(
    '{"a":[{"10":2,"9":1,"Z":{"a":null,"b":{"c":{},"d":1}},"z":{}}],"b":1}',
  )
})

test('a deep value and a wide one cost their length', () => {
  let deep: unknown = { b: 1, a: 1 }
  for (let level = 0; level < 60; level++) deep = { b: deep, a: [deep === undefined ? 0 : 1] }
  const wide = Array.from({ length: 100_000 }, (_, n) => ({ b: n, a: n }))
  const before = process.threadCpuUsage()
  expect(canonicalJson({ type: 'echo', input: [deep, wide] }).length).toBeGreaterThan(2_000_000)
  expect(process.threadCpuUsage(before).user / 1000).toBeLessThan(1000)
})
