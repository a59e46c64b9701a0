import { describe, expect, test } from 'vitest'
import { loadFixture, openExecutors, poolKinds, start, until } from './harness.ts'

describe.each(poolKinds)('from a %s', (kind) => {
  test('events arrive in order, all before the outcome', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('send-events'))
    expect(await run.outcome).toEqual({ status: 'returned', output: { sent: 3 } })
    const rounds = [1, 2, 3].flatMap((round) => [
      { kind: 'progress', fraction: round / 3, message: `round ${round}`, data: { round } },
      { kind: 'log', at: expect.any(String), level: 'debug', message: `round ${round}`, attempt: 1 },
      { kind: 'output', value: { round } },
    ])
    expect(run.events).toEqual(rounds)
  })

  test('a generator runs at most 16 values ahead of its receiver', async () => {
    const { executors } = openExecutors()
    const taken: (() => void)[] = []
    const run = start(executors.for(kind), await loadFixture('count-up'), { to: 100 }, (event) =>
      event.kind === 'output' ? new Promise((resolve) => taken.push(resolve)) : undefined,
    )
    const lastSaid = () => run.logged().at(-1)
    await until(() => run.logged().filter((message) => message === 'pulled 16').length >= 3)
    expect(taken.length).toBe(16)
    for (const take of taken.splice(0, 3)) take()
    await until(() => lastSaid() === 'pulled 19')
    const drain = setInterval(() => {
      for (const take of taken.splice(0)) take()
    })
    expect(await run.outcome).toEqual({ status: 'returned', output: { pulled: 100 } })
    clearInterval(drain)
    expect(run.events.flatMap((event) => (event.kind === 'output' ? [event.value] : []))).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    )
  })

  test('of a million progress events few are sent, and the last one arrives', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('flood'), { progress: 1_000_000 })
    expect(await run.outcome).toEqual({ status: 'returned', output: null })
    expect(run.events.length).toBeLessThan(10_000)
    expect(run.events[0]).toMatchObject({ message: '1' })
    expect(run.events.at(-1)).toMatchObject({ fraction: 1, message: '1000000' })
  })

  test('log lines beyond the window are dropped and counted', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('flood'), { logs: 200_000 }, () => new Promise(() => {}))
    await run.outcome
    const notices = run.logged().filter((message) => message.includes('dropped'))
    const dropped = notices.reduce((sum, message) => sum + Number.parseInt(message, 10), 0)
    expect(run.logged().length).toBeLessThan(300)
    expect(run.logged().length - notices.length + dropped).toBe(200_000)
  })

  test('events of a job that spins arrive while it spins', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('spin'), { reports: true })
    await until(() => run.events.length > 40)
    run.stop({ graceMs: 0 })
    expect(await run.outcome).toEqual({ status: 'killed' })
  })

  test('events of a job that spins arrive however many it sends', async () => {
    const { executors } = openExecutors()
    const run = start(executors.for(kind), await loadFixture('spin'), { talks: true })
    await until(() => run.events.length > 1000)
    run.stop({ graceMs: 0 })
    expect(await run.outcome).toEqual({ status: 'killed' })
  })

  test('printed text is logged line by line', async () => {
    const { executors, lines } = openExecutors()
    await start(executors.for(kind), await loadFixture('print')).outcome
    await until(() => lines.length === 5)
    const printed = (stream: string) =>
      lines.flatMap(({ fields }) => (fields['stream'] === stream ? [String(fields['line'])] : []))
    expect(printed('stderr')).toEqual(['to stderr'])
    expect(printed('stdout')).toEqual([
      'half a line',
      'x'.repeat(8192),
      'x'.repeat(8192),
      'x'.repeat(20_000 - 2 * 8192),
    ])
    expect(lines[0]?.fields).toHaveProperty(kind === 'thread' ? 'threadId' : 'child_pid')
  })

  test('lines printed too fast are dropped and counted', async () => {
    const { executors, lines } = openExecutors()
    await start(executors.for(kind), await loadFixture('flood'), { prints: 5000 }).outcome
    const countOf = () => {
      const dropped = lines.reduce((sum, { fields }) => sum + Number(fields['dropped'] ?? 0), 0)
      return dropped + lines.filter(({ fields }) => 'line' in fields).length
    }
    await until(() => countOf() === 5000)
    expect(lines.length).toBeLessThan(1000)
  })
})
