import type { Readable } from 'node:stream'

export interface LineReceiver {
  onLine(line: string): void
  /** Says how many lines of the past second were left out. */
  onDropped(count: number): void
}

/** Longest line, in UTF-16 units: a longer one is cut into several. */
const longestLine = 8192
const linesPerSecond = 200

/**
 * Reads a stream to its end and passes it on line by line, at most {@link linesPerSecond}; what is left out is counted and
 * reported. Holds at most one line and never stops reading, so that whoever writes is not held up.
 *
 * `inspect` sees every piece of the stream, also what is left out.
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
    while (rest.length > longestLine) {
      take(rest.slice(0, longestLine))
      rest = rest.slice(longestLine)
    }
  })
  // A broken pipe ends the stream as well; the host's own end says why.
  stream.on('error', (error) => receiver.onLine(`(reading stopped: ${error.message})`))
  stream.on('close', () => {
    if (rest !== '') take(rest)
    gate.close()
  })
}

function cut(line: string): string[] {
  if (line.length <= longestLine) return [line]
  return Array.from({ length: Math.ceil(line.length / longestLine) }, (_, index) =>
    line.slice(index * longestLine, (index + 1) * longestLine),
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
