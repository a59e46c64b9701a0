import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineJob } from '../../../src/jobs/define-job.ts'
import { DefinitionError } from '../../../src/jobs/definition-error.ts'

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

test('all mistakes are reported at once, with what an unknown option was meant to be', () => {
  const wrong: unknown = {
    ...spec,
    title: ' ',
    runsOn: 'cloud',
    retries: 3,
    timeout: 5,
    attempts: '3',
    colour: 'red',
    backoff: { type: 'linear', delay: 10, jitter: 2 },
    input: z.object({ at: z.date() }),
    output: undefined,
    examples: [{ input: { at: 'x' } }, { inputs: 1 }, 7],
    run: 'no function',
  }
  expect(() => defineJob(wrong as typeof spec)).toThrow(DefinitionError)
  const mistakes = (() => {
    try {
      return defineJob(wrong as typeof spec)
    } catch (error) {
      return error instanceof DefinitionError ? error.mistakes : []
    }
  })()
  expect(mistakes).toEqual([
    'there is no option "retries": did you mean "attempts"?',
    'there is no option "timeout": did you mean "timeoutMs"?',
    expect.stringMatching(/^there is no option "colour": the options are type, title, .*, run$/),
    'title must be a text that is not empty, and is " "',
    'runsOn must be "event-loop", "thread" or "process", not "cloud"',
    'input.at: JSON has no value for z.date(): use z.iso.datetime(), or z.coerce.date() in an input',
    'output must be a Zod schema',
    'attempts must be an integer from 1 to 1000, and is "3"',
    'there is no option "backoff.delay": did you mean "delayMs"?',
    'backoff.type must be "fixed" or "exponential", not "linear"',
    'backoff.jitter must be from 0 to 1, and is 2',
    'there is no option "examples[1].inputs": did you mean "input"?',
    'examples[2] must be an object with an input',
    'run must be an async function or an async generator',
    expect.stringMatching(/^examples\[0\]\.input\.at: /),
    expect.stringMatching(/^examples\[1\]\.input: /),
    expect.stringMatching(/^examples\[2\]\.input: /),
  ])
  for (const nothing of [undefined, null, 1]) expect(() => defineJob(nothing as never)).toThrow('takes an object')
})

test('isolation is shared or fresh, and fresh needs a thread or process', () => {
  expect(defineJob(spec).isolation).toBe('shared')
  expect(defineJob({ ...spec, isolation: 'fresh' }).isolation).toBe('fresh')
  expect(() => defineJob({ ...spec, runsOn: 'event-loop', isolation: 'fresh' })).toThrow(/isolation "fresh" needs/)
  const unknown: unknown = 'none'
  expect(() => defineJob({ ...spec, isolation: unknown as 'fresh' })).toThrow(/isolation must be/)
})
