import { expect, test } from 'vitest'
import { loadFixture, openExecutors, start, until } from './harness.ts'

function open() {
  const { executors, lines } = openExecutors()
  return { executor: executors.for('event-loop'), lines }
}

test('the event loop runs a job in this process', async () => {
  const { executor } = open()
  const { outcome } = start(executor, await loadFixture('where-am-i'))
  expect(await outcome).toMatchObject({ status: 'returned', output: { pid: process.pid } })
})

test('a job there ends when its signal aborts', async () => {
  const { executor, lines } = open()
  const run = start(executor, await loadFixture('wait-for-stop'))
  run.stop({ kind: 'deadline_exceeded' })
  expect(await run.outcome).toMatchObject({ status: 'returned', output: { code: 'deadline_exceeded' } })
  expect(lines).toEqual([])
})

test('a job there that does not end in time is abandoned, and its later events are dropped', async () => {
  const { executor, lines } = open()
  const run = start(executor, await loadFixture('end-late'), { afterStopMs: 60 })
  run.stop({ graceMs: 20 })
  expect(await run.outcome).toEqual({ status: 'abandoned' })
  const eventsInTime = run.events.length
  await until(() => lines.some(({ message }) => message === 'abandoned handler ended'))
  expect(lines.at(-1)?.fields).toMatchObject({ type: 'end-late', outcome: 'returned' })
  expect(run.events.length).toBe(eventsInTime)
})

test('a job there that was stopped before its start does not start', async () => {
  const { executor } = open()
  const attempt = { id: 'late', type: 'spin', input: {}, attempt: 1, maxAttempts: 1, tenant: '-', hops: 0, fence: 1 }
  const outcome = await executor.run(await loadFixture('spin'), attempt, () => undefined, AbortSignal.abort())
  expect(outcome).toEqual({ status: 'killed' })
})

test('a job there fetches behind the egress guard', async () => {
  const { executor } = open()
  const { outcome } = start(executor, await loadFixture('fetch-text'), { url: 'http://127.0.0.1:8080/' })
  expect(await outcome).toMatchObject({ status: 'threw', failure: { code: 'egress_refused' } })
})
