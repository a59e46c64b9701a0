import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeText, toSafeJson } from '../../../src/cli/terminal/escape.ts'

const obeyed = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u

test('JSON that is printed has nothing that a terminal obeys, and the same value', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 5 }), (texts) => {
      const json = toSafeJson({ texts })
      return !obeyed.test(json) && isDeepStrictEqual(JSON.parse(json), { texts })
    }),
  )
})

test('text that is printed is one line without anything that a terminal obeys', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => !obeyed.test(escapeText(text))))
  expect(escapeText('a\u001b[31m\n\t\u009b\u202eb ü 🙂')).toBe(String.raw`a\u001b[31m\n\t\u009b\u202eb ü 🙂`)
})
