import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineJob } from '../../../src/jobs/define-job.ts'

const spec = {
  type: 'a',
  title: 'A',
  runsOn: 'thread',
  input: z.unknown(),
  output: z.unknown(),
  run: async () => null,
} as const

test('a generator that is not async is refused', () => {
  const run: unknown = function* () {
    yield 1
  }
  expect(() => defineJob({ ...spec, run: run as typeof spec.run })).toThrow('write `async *run`')
  expect(
    defineJob({
      ...spec,
      async *run() {
        yield 1
        return null
      },
    }).type,
  ).toBe('a')
})

test('isolation is shared or fresh, and fresh needs a thread or process', () => {
  expect(defineJob(spec).isolation).toBe('shared')
  expect(defineJob({ ...spec, isolation: 'fresh' }).isolation).toBe('fresh')
  expect(() => defineJob({ ...spec, runsOn: 'event-loop', isolation: 'fresh' })).toThrow(/isolation "fresh" needs/)
  const unknown: unknown = 'none'
  expect(() => defineJob({ ...spec, isolation: unknown as 'fresh' })).toThrow(/isolation must be/)
})
