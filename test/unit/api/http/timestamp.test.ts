import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timestamp } from '../../../../src/api/http/timestamp.ts'

test('a time is formatted as RFC 3339 with milliseconds, whatever was formatted before', () => {
  const times = fc.array(fc.integer({ min: 0, max: 253_402_300_799_999 }), { maxLength: 300 })
  fc.assert(
    fc.property(times, (all) => {
      expect(all.map(timestamp)).toEqual(all.map((ms) => new Date(ms).toISOString()))
    }),
  )
})
