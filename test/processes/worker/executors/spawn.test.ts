import { afterEach, expect, test, vi } from 'vitest'
import type { Host, HostEnd, HostSettings } from '../../../../src/worker/executors/host.ts'
import { HostPool } from '../../../../src/worker/executors/pool.ts'
import type { ToChild } from '../../../../src/worker/executors/protocol.ts'
import { loadFixture, recordLog, start } from './harness.ts'

afterEach(() => void vi.useRealTimers())

const hosts = { allowCidrs: [], environment: {}, user: undefined }

/** A host whose messages and end the test controls. */
function playHost(settings: HostSettings) {
  const sent: ToChild[] = []
  const { promise: gone, resolve: end } = Promise.withResolvers<HostEnd>()
  const kill = vi.fn<() => void>()
  const host: Host = { name: { child_pid: 1 }, send: (message) => void sent.push(message), kill, gone }
  return { host, kill, sent, end, say: settings.onMessage }
}

const ended = (run: number, outcome: object) => ({ type: 'ended', run, outcome, isClean: true, isBound: false })
const returned = (output: unknown) => ({ status: 'returned', output })

function playPool(onSpawn: (played: ReturnType<typeof playHost>) => void = () => {}) {
  const played: ReturnType<typeof playHost>[] = []
  const { log, lines } = recordLog()
  const pool = new HostPool({
    size: 1,
    hosts,
    log,
    spawn(settings) {
      const next = playHost(settings)
      played.push(next)
      onSpawn(next)
      return next.host
    },
  })
  return { pool, played, lines }
}

test('hosts that end before they are ready are respawned with growing delays, and each fails one job', async () => {
  vi.useFakeTimers()
  const { pool, played } = playPool(({ end }) => end({ kind: 'exit', code: 1 }))
  const loaded = await loadFixture('echo')
  const runs = Array.from({ length: 12 }, () => start(pool, loaded))
  const spawnedAfter: number[] = []
  for (let elapsed = 0; played.length < runs.length; elapsed += 50) {
    if (spawnedAfter.length < played.length) spawnedAfter.push(elapsed)
    await vi.advanceTimersByTimeAsync(50)
  }
  const waits = spawnedAfter.slice(2).map((at, index) => at - (spawnedAfter[index + 1] ?? 0))
  expect(waits).toEqual([...waits].sort((a, b) => a - b))
  expect(waits.at(-1)).toBeLessThanOrEqual(10_050)
  for (const run of runs) expect(await run.outcome).toMatchObject({ status: 'crashed', failure: { code: 'crashed' } })
})

test('a spawn that is refused fails its job', async () => {
  const { log } = recordLog()
  const spawn = () => {
    throw new Error('EAGAIN')
  }
  const pool = new HostPool({ size: 1, hosts, log, spawn })
  const message = 'failed to start a thread or process: EAGAIN'
  expect(await start(pool, await loadFixture('echo')).outcome).toEqual({
    status: 'crashed',
    failure: { code: 'crashed', message, retryable: true },
  })
})

test('after a crash no host is spawned until the next job', async () => {
  const { pool, played } = playPool()
  const run = start(pool, await loadFixture('echo'))
  played[0]?.say({ type: 'ready' })
  played[0]?.end({ kind: 'signal', signal: 'SIGSEGV' })
  expect(await run.outcome).toMatchObject({ status: 'crashed' })
  expect(played.length).toBe(1)
})

test('a host that does not end when killed is abandoned and keeps its pool slot', async () => {
  const { pool, played, lines } = playPool()
  const loaded = await loadFixture('echo')
  const run = start(pool, loaded)
  const next = start(pool, loaded)
  vi.useFakeTimers()
  run.stop({ graceMs: 100 })
  await vi.advanceTimersByTimeAsync(100)
  expect(played[0]?.kill).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(2000)
  expect(await run.outcome).toEqual({ status: 'abandoned' })
  expect(lines.at(-1)?.message).toContain('did not end when killed')
  expect(played.length).toBe(1)
  played[0]?.end({ kind: 'exit', code: 1 })
  await vi.advanceTimersByTimeAsync(0)
  expect(played.length).toBe(2)
  played[1]?.say(ended(1, returned(1)))
  expect(await next.outcome).toEqual({ status: 'returned', output: 1 })
})

test('messages of another run or of another shape are ignored', async () => {
  const { pool, played } = playPool()
  const run = start(pool, await loadFixture('echo'))
  const say = played[0]?.say
  const output = { kind: 'output', value: 1 }
  for (const other of [undefined, 'ready?', { type: 'event' }, { type: 'ours', run: 1 }]) say?.(other)
  say?.({ type: 'ended', run: 0, outcome: 'malformed' })
  say?.({ type: 'event', run: 0, event: output })
  say?.(ended(2, returned('stale')))
  say?.({ type: 'event', run: 1, event: output })
  say?.(ended(1, returned('right')))
  say?.({ type: 'event', run: 1, event: output })
  expect(await run.outcome).toEqual({ status: 'returned', output: 'right' })
  expect(run.events).toEqual([output])
})

test('a result that arrives after the kill is ignored', async () => {
  const { pool, played } = playPool()
  const run = start(pool, await loadFixture('echo'))
  run.stop({ graceMs: 0 })
  await vi.waitFor(() => expect(played[0]?.kill).toHaveBeenCalled())
  played[0]?.say(ended(1, returned('late')))
  played[0]?.end({ kind: 'signal', signal: 'SIGKILL' })
  expect(await run.outcome).toEqual({ status: 'killed' })
})

test.each([
  [
    ended(1, { status: 'threw', failure: { code: 'c', message: 'm', retryable: true, retryAfterMs: Number.NaN } }),
    /retryAfterMs/,
  ],
  [ended(1, { status: 'over' }), /^.*ended\.outcome\.status/],
  [{ type: 'event', run: 1, event: { kind: 'log' } }, /event\.event/],
])('a malformed message fails the attempt at once: %j', async (message, reason) => {
  const { pool, played } = playPool()
  const run = start(pool, await loadFixture('echo'))
  played[0]?.say(message)
  expect(await run.outcome).toEqual({
    status: 'crashed',
    failure: { code: 'invalid_message', message: expect.stringMatching(reason), retryable: true },
  })
  expect(played[0]?.kill).toHaveBeenCalledTimes(1)
})

test('a host that does not tell in time whether it is clean is replaced', async () => {
  const { pool, played } = playPool()
  const run = start(pool, await loadFixture('echo'))
  vi.useFakeTimers()
  played[0]?.say({ ...ended(1, returned(1)), isClean: false })
  expect(await run.outcome).toEqual(returned(1))
  const next = start(pool, await loadFixture('echo'))
  await vi.advanceTimersByTimeAsync(999)
  expect(played[0]?.kill).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(played[0]?.kill).toHaveBeenCalledTimes(1)
  played[0]?.end({ kind: 'exit', code: 1 })
  await vi.advanceTimersByTimeAsync(0)
  played[1]?.say(ended(1, returned(2)))
  expect(await next.outcome).toEqual(returned(2))
})
