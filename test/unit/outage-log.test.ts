import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { OutageLog } from '../../src/outage-log.ts'
import { QueueUnavailableError } from '../../src/queue/redis/connection.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function open() {
  const written: { level: string; message: string; fields: unknown }[] = []
  const log = new OutageLog((level, fields, message) => void written.push({ level, message, fields }))
  const admits = (fields: object, message: string) =>
    log.admits(fields, message, () => void written.push({ level: 'later', message, fields }))
  return { log, admits, written }
}

const full = () => new QueueUnavailableError(new Error('OOM command not allowed'))
const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

test('lines without an outage are written, and so is the first of one', () => {
  const { log, admits, written } = open()
  expect(admits({ err: new TypeError('no') }, 'failed')).toBe(true)
  expect(admits({}, 'ready')).toBe(true)
  expect(admits({ err: full() }, 'failed to sweep')).toBe(false)
  expect(admits({ err: full() }, 'failed to sweep')).toBe(false)
  expect(admits({ err: new TypeError('no') }, 'failed')).toBe(true)
  expect(written).toEqual([])
  vi.advanceTimersByTime(500)
  expect(written).toMatchObject([{ level: 'later', message: 'failed to sweep' }])
  log.stop()
  expect(written).toHaveLength(2)
})

test('without a lost connection it is over after ten seconds without a failure', () => {
  const { admits, written } = open()
  admits({ err: full(), code: 'queue_unavailable' }, 'refused')
  admits({ err: full(), code: 'queue_unavailable' }, 'refused')
  admits({ err: full() }, 'failed to sweep')
  vi.advanceTimersByTime(10_000)
  expect(written).toMatchObject([
    { level: 'later', message: 'refused' },
    { level: 'warn', fields: { failures: { queue_unavailable: 1, 'failed to sweep': 1 } } },
  ])
  vi.advanceTimersByTime(10_000)
  expect(written[2]).toMatchObject({ level: 'info', fields: { failures: {}, failures_in_all: 2 } })
  vi.advanceTimersByTime(60_000)
  expect(written).toHaveLength(3)
})

test('where a connection is lost, its line is the first, also when a call has failed before', () => {
  const { log, admits, written } = open()
  expect(admits({ err: full(), code: 'queue_unavailable' }, 'refused')).toBe(false)
  expect(admits({ connection: 'api', connected: false, err: refused }, 'lost')).toBe(true)
  vi.advanceTimersByTime(5000)
  expect(written).toEqual([])
  log.stop()
  expect(written).toMatchObject([{ fields: { failures: { queue_unavailable: 1 }, err: refused } }])
})

test('it lasts until all lost connections are back, and the calls of then have failed', () => {
  const { admits, written } = open()
  expect(admits({ connection: 'api', connected: false, err: refused }, 'lost')).toBe(true)
  expect(admits({ connection: 'events', connected: false, err: refused }, 'lost')).toBe(false)
  vi.advanceTimersByTime(30_000)
  expect(written).toHaveLength(3)
  expect(written.at(-1)).toMatchObject({ fields: { failures: {}, err: refused } })
  expect(admits({ connection: 'api', connected: true }, 'reconnected')).toBe(false)
  vi.advanceTimersByTime(5000)
  expect(written).toHaveLength(3)
  expect(admits({ connection: 'events', connected: true }, 'reconnected')).toBe(false)
  vi.advanceTimersByTime(900)
  expect(admits({ err: full() }, 'failed to sweep')).toBe(false)
  vi.advanceTimersByTime(900)
  expect(written).toHaveLength(3)
  vi.advanceTimersByTime(100)
  expect(written.at(-1)).toMatchObject({ level: 'info', fields: { failures_in_all: 2, outage_ms: 36_900 } })
})

test('a connection that comes back without an outage is a line', () => {
  const { admits } = open()
  expect(admits({ connection: 'api', connected: true }, 'reconnected')).toBe(true)
})
