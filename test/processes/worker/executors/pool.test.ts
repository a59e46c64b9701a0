import { createServer } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createExecutors } from '../../../../src/worker/executors/create-executors.ts'
import { findPlace, loadFixture, openExecutors, outputOf, poolKinds, recordLog, start, until } from './harness.ts'

describe.each(poolKinds)('a %s', (kind) => {
  test('runs a job and returns its output', async () => {
    const { executors, lines } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('echo'), {
      value: { text: 'ü', list: [1, null], empty: '' },
    })
    expect(await run.outcome).toEqual({ status: 'returned', output: { text: 'ü', list: [1, null], empty: '' } })
    expect(lines).toEqual([])
  })

  test('is reused for the next job', async () => {
    const { executors } = openExecutors()
    const first = await findPlace(executors.for(kind))
    const second = await findPlace(executors.for(kind))
    expect(second.host).toBe(first.host)
    expect(first.pid === process.pid).toBe(kind === 'thread')
  })

  test('is replaced when the next job has another memory limit', async () => {
    const { executors } = openExecutors()
    const first = await findPlace(executors.for(kind), { memoryLimitMb: 64 })
    const second = await findPlace(executors.for(kind), { memoryLimitMb: 128 })
    const third = await findPlace(executors.for(kind), { memoryLimitMb: 128 })
    expect(second.host).not.toBe(first.host)
    expect(third.host).toBe(second.host)
    expect(first.exists()).toBe(false)
  })

  test('exists at most as often as the pool size allows', async () => {
    const { executors } = openExecutors({ size: 2 })
    const places = await Promise.all([1, 2, 3, 4, 5, 6].map(() => findPlace(executors.for(kind), { afterMs: 50 })))
    expect(new Set(places.map(({ host }) => host)).size).toBe(2)
  })

  test('takes waiting jobs in order, whatever their memory limits', async () => {
    const { executors } = openExecutors()
    const small = await loadFixture('where-am-i', { memoryLimitMb: 64 })
    const large = await loadFixture('where-am-i', { memoryLimitMb: 128 })
    const started: number[] = []
    const runs = [small, small, large, small].map((loaded, number) =>
      start(executors.for(kind), loaded, {}, () => void started.push(number)),
    )
    await Promise.all(runs.map(outputOf))
    expect(started).toEqual([0, 1, 2, 3])
  })

  test('sends no event of one run to the next', async () => {
    const { executors } = openExecutors()
    const loaded = await loadFixture('leave-things-behind')
    const first = start(executors.for(kind), loaded, { start: true })
    await first.outcome
    const second = start(executors.for(kind), loaded, { start: false })
    await second.outcome
    expect(first.events).toEqual([])
    expect(second.events).toEqual([])
  })

  test('fetches behind the egress guard', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('fetch-text'), { url: 'http://127.0.0.1:8080/' })
    expect(await run.outcome).toMatchObject({ status: 'threw', failure: { code: 'egress_refused', retryable: false } })
  })

  test('may fetch from the ranges of the allow list', async () => {
    const { executors } = openExecutors({ allowCidrs: ['127.0.0.0/8'] })
    const server = createServer((_request, response) => response.end('hello'))
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const run = start(executors.for(kind), await loadFixture('fetch-text'), { url: `http://127.0.0.1:${port}/` })
    expect(await outputOf(run)).toEqual({ text: 'hello' })
  })

  test('is gone when the pool has closed, and its job was killed', async () => {
    const { executors } = openExecutors({ size: 2 })
    const place = await findPlace(executors.for(kind))
    const spinning = start(executors.for(kind), await loadFixture('spin'))
    const other = start(executors.for(kind), await loadFixture('spin'))
    const waiting = start(executors.for(kind), await loadFixture('spin'))
    await until(() => spinning.logged().length + other.logged().length === 2)
    await Promise.all([executors.close(), executors.close()])
    expect(place.exists()).toBe(false)
    for (const run of [spinning, other, waiting]) expect(await run.outcome).toEqual({ status: 'killed' })
    expect(await start(executors.for(kind), await loadFixture('spin')).outcome).toEqual({ status: 'killed' })
  })
})

test("a process gets its job's memory limit", async () => {
  const { executors } = openExecutors()
  const place = await findPlace(executors.for('process'), { memoryLimitMb: 128 })
  expect(place.arguments).toContain('--max-old-space-size=128')
})

test('an unused pool closes at once', async () => {
  const executors = createExecutors({ threads: 2, processes: 2, allowCidrs: [], environment: {}, log: recordLog().log })
  await expect(executors.close()).resolves.toBe(undefined)
})
