import type { Readable } from 'node:stream'

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
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) for (const piece of cut(line)) take(piece)
    while (rest.length > maxLineLength) {
      take(rest.slice(0, maxLineLength))
      rest = rest.slice(maxLineLength)
    }
  })
  // The stream also closes on a broken pipe; the end of the host tells the reason.
  stream.on('error', (error) => receiver.onLine(`(failed to read: ${error.message})`))
  stream.on('close', () => {
    if (rest !== '') take(rest)
    gate.close()
  })
}

function cut(line: string): string[] {
  if (line.length <= maxLineLength) return [line]
  return Array.from({ length: Math.ceil(line.length / maxLineLength) }, (_, index) =>
    line.slice(index * maxLineLength, (index + 1) * maxLineLength),
  )
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
