import { describe, expect, test } from 'vitest'
import type { JobFailure } from '../../../../src/jobs/job-failure.ts'
import { fixtureFile, loadFixture, openExecutors, outputOf, poolKinds, start } from './harness.ts'

async function crash(kind: (typeof poolKinds)[number], fixture: string, input: unknown = {}) {
  const { executors, lines } = openExecutors()
  const run = start(executors.for(kind), await loadFixture(fixture), input)
  const outcome = await run.outcome
  const after = await outputOf(start(executors.for(kind), await loadFixture('echo'), { value: 'still here' }))
  expect(after).toBe('still here')
  return { outcome, lines, logged: run.logged() }
}

const crashed = (message: RegExp, code = 'crashed') => ({
  status: 'crashed',
  failure: { code, message: expect.stringMatching(message), retryable: true } satisfies JobFailure,
})

describe.each(poolKinds)('a %s', (kind) => {
  test('that exits fails alone, and its earlier events arrive', async () => {
    const { outcome, logged, lines } = await crash(kind, 'crash', { way: 'exit' })
    expect(outcome).toEqual(crashed(/exit code 7/))
    expect(logged).toEqual(['last words'])
    expect(lines.map(({ message }) => message)).toEqual(['thread or process of jobs died'])
  })

  test('with an unhandled rejection fails alone', async () => {
    const { outcome } = await crash(kind, 'crash', { way: 'rejection' })
    expect(outcome).toEqual(crashed(/unhandled rejection.*: nobody caught me/))
  })

  test('with an exception in a timer fails alone', async () => {
    const { outcome } = await crash(kind, 'crash', { way: 'timer' })
    expect(outcome).toEqual(crashed(/uncaught exception.*: thrown by a timer/))
  })

  test('whose file throws fails with the reason', async () => {
    const { executors } = openExecutors()
    const loaded = await loadFixture('echo')
    const run = start(executors.for(kind), { ...loaded, file: fixtureFile('broken-file') })
    const message = 'failed to load the job file broken-file.ts: no such native library'
    expect(await run.outcome).toEqual({ status: 'threw', failure: { code: 'job_failed', message, retryable: false } })
  })

  test('whose file declares another type fails with the reason', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), { ...(await loadFixture('echo')), file: fixtureFile('spin') })
    expect(await run.outcome).toMatchObject({
      failure: { message: 'the job file spin.ts no longer declares the job type "echo"' },
    })
  })

  test.each(['bigint', 'cycle', 'function', 'map'])('fails with an output of a %s', async (what) => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('not-json'), { what })
    expect(await run.outcome).toMatchObject({ status: 'threw', failure: { code: 'invalid_output', retryable: false } })
  })
})

describe('a process', () => {
  // For a thread see test/e2e/out-of-memory.test.ts: V8 may end the whole process, and with it the test run.
  test('that runs out of memory fails alone', async () => {
    const { outcome } = await crash('process', 'eat-memory')
    expect(outcome).toEqual(crashed(/memory limit of 64 MB/, 'out_of_memory'))
  })

  test('that aborts fails alone, and not as out of memory', async () => {
    const { outcome } = await crash('process', 'crash', { way: 'abort' })
    expect(outcome).toEqual(crashed(/SIGABRT/))
  })

  test('that faults fails alone', async () => {
    const { outcome } = await crash('process', 'crash', { way: 'segfault' })
    expect(outcome).toEqual(crashed(/SIGSEGV/))
  })

  test('that writes garbage to its parent fails alone', async () => {
    const { outcome } = await crash('process', 'crash', { way: 'garbage' })
    expect(outcome).toEqual(crashed(/not JSON/, 'invalid_message'))
  })

  test('whose output is too long to send fails with invalid_output', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for('process'), await loadFixture('long-text'), { length: 65 * 1024 * 1024 })
    expect(await run.outcome).toMatchObject({ status: 'threw', failure: { code: 'invalid_output', retryable: false } })
  })
})

test('a thread cannot abort the worker', async () => {
  const { outcome } = await crash('thread', 'crash', { way: 'abort' })
  expect(outcome).toMatchObject({ status: 'threw', failure: { code: 'job_failed' } })
})
