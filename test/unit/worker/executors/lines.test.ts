import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { forwardLines } from '../../../../src/worker/executors/forward-lines.ts'
import { createJsonLineReader } from '../../../../src/worker/executors/json-lines.ts'

afterEach(() => void vi.useRealTimers())

function forward() {
  const stream = new PassThrough()
  const lines: string[] = []
  let dropped = 0
  forwardLines(stream, { onLine: (line) => lines.push(line), onDropped: (count) => (dropped += count) })
  return { stream, lines, dropped: () => dropped }
}

describe('printed lines', () => {
  test('are joined from chunks, also within a character', async () => {
    const { stream, lines } = forward()
    for (const byte of Buffer.from('für\n\nzwei')) stream.write(Buffer.from([byte]))
    stream.end()
    await vi.waitFor(() => expect(lines.length).toBe(3))
    expect(lines).toEqual(['für', '', 'zwei'])
  })

  test('are split when they never end', async () => {
    const { stream, lines } = forward()
    for (let piece = 0; piece < 10; piece++) stream.write('x'.repeat(5000))
    await vi.waitFor(() => expect(lines.length).toBe(6))
    expect(new Set(lines.map(({ length }) => length))).toEqual(new Set([8192]))
  })

  test('are split between characters', async () => {
    const { stream, lines } = forward()
    stream.end(`x${'😀'.repeat(10_000)}`)
    await vi.waitFor(() => expect(lines.join('').length).toBe(20_001))
    expect(lines.every((line) => line.isWellFormed())).toBe(true)
  })

  test('are counted when there are too many, also if no line follows', async () => {
    vi.useFakeTimers()
    const { stream, lines, dropped } = forward()
    stream.write('line\n'.repeat(1000))
    await vi.advanceTimersByTimeAsync(999)
    expect({ forwarded: lines.length, dropped: dropped() }).toEqual({ forwarded: 200, dropped: 0 })
    await vi.advanceTimersByTimeAsync(1)
    expect({ forwarded: lines.length, dropped: dropped() }).toEqual({ forwarded: 200, dropped: 800 })
  })
})

describe('lines of JSON', () => {
  test('are read from chunks of any size', () => {
    const read: unknown[] = []
    const reader = createJsonLineReader(
      (message) => read.push(message),
      () => {},
    )
    for (const byte of Buffer.from('{"a":"ü"}\n[1]\n')) reader(Buffer.from([byte]))
    reader(Buffer.from('1\n2\n'))
    expect(read).toEqual([{ a: 'ü' }, [1], 1, 2])
  })

  test('are no longer read after the first that is not JSON', () => {
    const read: unknown[] = []
    const onBroken = vi.fn<() => void>()
    const reader = createJsonLineReader((message) => read.push(message), onBroken)
    reader(Buffer.from('1\nnot JSON\n2\n'))
    reader(Buffer.from('3\nnot JSON\n'))
    expect(read).toEqual([1])
    expect(onBroken).toHaveBeenCalledTimes(1)
  })

  test('are no longer read after bytes that are not UTF-8', () => {
    const read: unknown[] = []
    const onBroken = vi.fn<(why: string) => void>()
    const reader = createJsonLineReader((message) => read.push(message), onBroken)
    reader(Buffer.from('1\n'))
    reader(Buffer.from([0x22, 0xff, 0x22, 0x0a]))
    reader(Buffer.from('2\n'))
    expect(read).toEqual([1])
    expect(onBroken.mock.calls).toEqual([['not_utf8']])
  })

  test('are no longer read after one that is too long', () => {
    const onBroken = vi.fn<() => void>()
    const reader = createJsonLineReader(() => {}, onBroken)
    const piece = Buffer.alloc(1024 * 1024, 'x')
    for (let count = 0; count < 65; count++) reader(piece)
    expect(onBroken).toHaveBeenCalledTimes(1)
  })
})
