import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutIndex, cutText } from '../../../src/jobs/cut-text.ts'

const texts = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\ud800', '\udc00') })

test('a cut text is well-formed, not longer than allowed, and starts like the original', () => {
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 20 }), (text, max) => {
      const cut = cutText(text, max)
      expect(cut.length).toBeLessThanOrEqual(max)
      expect(cut.isWellFormed()).toBe(true)
      if (text.length <= max) expect(cut).toBe(text.toWellFormed())
      else expect(text.toWellFormed().startsWith(cut.slice(0, -1))).toBe(true)
    }),
  )
})

test('the pieces of a text are cut between code points', () => {
  fc.assert(
    fc.property(texts, fc.integer({ min: 2, max: 5 }), (text, max) => {
      const end = cutIndex(text, max)
      expect(end).toBeGreaterThanOrEqual(Math.min(text.length, max - 1))
      if (text.isWellFormed()) expect(text.slice(0, end).isWellFormed()).toBe(true)
    }),
  )
})
