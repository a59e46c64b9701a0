import type { Readable } from 'node:stream'
import { cutIndex } from '../../jobs/cut-text.ts'

export interface LineReceiver {
  onLine(line: string): void
  /** Reports how many lines of the past second were dropped. */
  onDropped(count: number): void
}

/** Longest line in UTF-16 units; a longer one is split. */
const maxLineLength = 8192
const linesPerSecond = 200

/**
 * Reads a stream to its end and forwards it line by line, at most {@link linesPerSecond}; further lines are dropped and counted.
 * Holds at most one line and never stops reading, so that the writer never blocks.
 *
 * `inspect` receives every line, also those that are dropped.
 */
export function forwardLines(stream: Readable, receiver: LineReceiver, inspect?: (line: string) => void): void {
  const gate = createGate(receiver)
  const take = (line: string) => {
    inspect?.(line)
    gate.pass(line)
  }
  const takeFirst = (line: string) => {
    const end = cutIndex(line, maxLineLength)
    take(line.slice(0, end))
    return line.slice(end)
  }
  const takeAll = (line: string) => {
    let left = line
    while (left.length > maxLineLength) left = takeFirst(left)
    take(left)
  }
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) takeAll(line)
    while (rest.length > maxLineLength) rest = takeFirst(rest)
  })
  // The stream also closes on a broken pipe; the end of the host tells the reason.
  stream.on('error', (error) => receiver.onLine(`(failed to read: ${error.message})`))
  stream.on('close', () => {
    if (rest !== '') take(rest)
    gate.close()
  })
}

function createGate(receiver: LineReceiver): { pass(line: string): void; close(): void } {
  let windowEndsAt = 0
  let passed = 0
  let dropped = 0
  let timer: NodeJS.Timeout | undefined
  const report = () => {
    clearTimeout(timer)
    timer = undefined
    if (dropped > 0) receiver.onDropped(dropped)
    dropped = 0
  }
  return {
    pass(line) {
      const now = performance.now()
      if (now >= windowEndsAt) {
        report()
        windowEndsAt = now + 1000
        passed = 0
      }
      if (passed++ < linesPerSecond) return receiver.onLine(line)
      dropped++
      timer ??= setTimeout(report, windowEndsAt - now)
    },
    close: report,
  }
}
