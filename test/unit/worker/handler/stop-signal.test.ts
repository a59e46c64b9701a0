import { expect, test } from 'vitest'
import { StopSource } from '../../../../src/worker/handler/stop-signal.ts'

test('listeners are called for the first request only, in order', () => {
  const stop = new StopSource()
  const heard: string[] = []
  stop.addEventListener('abort', () => heard.push(`first: ${stop.reason?.kind}`))
  stop.addEventListener('abort', () => heard.push('second'))
  expect(stop.aborted).toBe(false)

  stop.abort({ kind: 'timeout', graceMs: 200 })
  stop.abort({ kind: 'canceled', graceMs: 0 })

  expect(heard).toEqual(['first: timeout', 'second'])
  expect(stop.aborted).toBe(true)
  expect(stop.reason).toEqual({ kind: 'timeout', graceMs: 200 })
})

test('a removed listener is not called, also if an earlier listener removed it', () => {
  const stop = new StopSource()
  let calls = 0
  const count = () => calls++
  stop.addEventListener('abort', () => stop.removeEventListener('abort', count))
  stop.addEventListener('abort', count)
  stop.abort({ kind: 'shutdown', graceMs: 0 })
  expect(calls).toBe(0)
})

test('a listener that is added after the abort is not called, as with an AbortSignal', () => {
  const stop = new StopSource()
  stop.abort({ kind: 'shutdown', graceMs: 0 })
  let calls = 0
  stop.addEventListener('abort', () => calls++)
  stop.abort({ kind: 'shutdown', graceMs: 0 })
  expect(calls).toBe(0)
})
