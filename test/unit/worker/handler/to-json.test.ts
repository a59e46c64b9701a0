import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toJson } from '../../../../src/worker/handler/to-json.ts'

function problemOf(value: unknown): string | undefined {
  const json = toJson(value, '/output')
  return json.ok ? undefined : json.problem
}

function endless(): object {
  return { toJSON: endless }
}

function nest(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

describe('a value becomes JSON', () => {
  test('as by JSON.stringify', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(toJson(value, '/output')).toEqual({ ok: true, value })
        const sent = JSON.stringify(value)
        expect(JSON.stringify(toJson(JSON.parse(sent), '/output'))).toBe(`{"ok":true,"value":${sent}}`)
      }),
    )
  })

  test.each([
    ['undefined by itself', undefined, null],
    ['undefined in a list', [undefined, 1], [null, 1]],
    ['an undefined property', { a: undefined, b: 1 }, { b: 1 }],
    ['a date', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    ['a URL', new URL('https://example.com'), 'https://example.com/'],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [
      'an instance with fields',
      new (class Point {
        x = 1
      })(),
      { x: 1 },
    ],
  ])('%s', (_name, value, expected) => {
    expect(toJson(value, '/output')).toEqual({ ok: true, value: expected })
  })

  test('as a copy that later changes do not affect', () => {
    const original = { list: [1] }
    const json = toJson(original, '/output')
    original.list.push(2)
    expect(json).toEqual({ ok: true, value: { list: [1] } })
  })

  test('with U+FFFD for lone surrogates, in names too', () => {
    const { value } = Object(toJson({ 'a\ud800': ['\udc00b', '😀'] }, '/output'))
    expect(value).toEqual({ 'a\ufffd': ['\ufffdb', '😀'] })
  })

  test('with a __proto__ key that stays a key', () => {
    const json = toJson(JSON.parse('{"__proto__":{"admin":true}}'), '/output')
    expect(JSON.stringify(json)).toBe('{"ok":true,"value":{"__proto__":{"admin":true}}}')
    expect(json.ok && Object(json.value).admin).toBe(undefined)
  })
})

describe('a value is refused', () => {
  const cycle: unknown[] = []
  cycle.push(cycle)

  test.each<[string, unknown, RegExp]>([
    ['bigint', { rows: [{ total: 1n }] }, /^\/output\/rows\/0\/total is a bigint$/],
    ['function', { callback: () => 1 }, /^\/output\/callback is a function$/],
    ['symbol', Symbol('x'), /^\/output is a symbol$/],
    ['NaN', [1, Number.NaN], /^\/output\/1 is NaN$/],
    ['Infinity', Number.POSITIVE_INFINITY, /is Infinity$/],
    ['a Map', { map: new Map([[1, 2]]) }, /^\/output\/map is a Map$/],
    ['a promise', Promise.resolve(1), /is a Promise$/],
    ['an error', new Error('x'), /is a Error$/],
    ['bytes', { image: Buffer.from('x') }, /^\/output\/image is binary/],
    ['a cycle', cycle, /contains itself/],
    ['too many levels', nest(100_000), /more than 1000 levels/],
    [
      'a throwing getter',
      {
        get x(): number {
          throw new Error('no')
        },
      },
      /cannot be read/,
    ],
    ['a toJSON without end', endless(), /more than 1000 levels/],
  ])('for %s', (_name, value, problem) => {
    expect(problemOf(value)).toMatch(problem)
  })
})
