/** The originals, since job code in the same process may replace them. */
const { parse, stringify } = JSON

/** Longest message between a process and its parent, in UTF-16 units. */
const maxLineLength = 64 * 1024 * 1024

/**
 * One message as a line of JSON.
 *
 * @throws RangeError when it is longer than 64 Mi characters.
 */
export function toJsonLine(message: unknown): string {
  const line = stringify(message)
  if (line.length >= maxLineLength) throw new RangeError(`the message is too long to send (${line.length} characters)`)
  return `${line}\n`
}

/** Why nothing more is read. */
export type BrokenLine = 'not_json' | 'not_utf8' | 'too_long'

/**
 * Creates a reader of JSON lines that is fed with chunks. On a line that is not JSON, or about longer than `maxLength` UTF-16 units, and on a
 * chunk with bytes that are not UTF-8, it calls `onBroken` once and reads nothing more. `length` is that of the line.
 */
export function createJsonLineReader(
  onMessage: (message: unknown, length: number) => void,
  onBroken: (why: BrokenLine) => void,
  maxLength = maxLineLength,
): (chunk: Buffer) => void {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let pieces: string[] = []
  let length = 0
  let isBroken = false
  const take = (line: string) => {
    try {
      return { message: parse(line) as unknown }
    } catch {
      isBroken = true
      onBroken('not_json')
      return undefined
    }
  }
  const decode = (chunk: Buffer) => {
    try {
      return decoder.decode(chunk, { stream: true })
    } catch {
      isBroken = true
      onBroken('not_utf8')
      return ''
    }
  }
  return (chunk) => {
    if (isBroken) return
    const lines = decode(chunk).split('\n')
    const rest = lines.pop() ?? ''
    for (const line of lines) {
      if (isBroken) return
      const whole = pieces.join('') + line
      pieces = []
      length = 0
      const parsed = take(whole)
      if (parsed) onMessage(parsed.message, whole.length)
    }
    if (isBroken || rest === '') return
    pieces.push(rest)
    length += rest.length
    if (length > maxLength) {
      isBroken = true
      pieces = []
      onBroken('too_long')
    }
  }
}
