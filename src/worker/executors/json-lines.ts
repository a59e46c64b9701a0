import { StringDecoder } from 'node:string_decoder'

/** Longest message between a process and its parent, in UTF-16 units. */
const longestJsonLine = 64 * 1024 * 1024

/**
 * One message as a line of JSON.
 *
 * @throws RangeError when it is longer than 64 Mi characters.
 */
export function toJsonLine(message: unknown): string {
  const line = JSON.stringify(message)
  if (line.length >= longestJsonLine) throw new RangeError(`a message of ${line.length} characters is too long to send`)
  return `${line}\n`
}

/**
 * Makes a reader of lines of JSON, to be fed with chunks. `onBroken` is called once, and nothing is read from then on, when a
 * line is not JSON or too long.
 */
export function createJsonLineReader(
  onMessage: (message: unknown) => void,
  onBroken: () => void,
): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8')
  let pieces: string[] = []
  let length = 0
  let isBroken = false
  const take = (line: string) => {
    try {
      return { message: JSON.parse(line) as unknown }
    } catch {
      isBroken = true
      onBroken()
      return undefined
    }
  }
  return (chunk) => {
    const lines = decoder.write(chunk).split('\n')
    const rest = lines.pop() ?? ''
    for (const line of lines) {
      if (isBroken) return
      const parsed = take(pieces.join('') + line)
      pieces = []
      length = 0
      if (parsed) onMessage(parsed.message)
    }
    if (isBroken || rest === '') return
    pieces.push(rest)
    length += rest.length
    if (length > longestJsonLine) {
      isBroken = true
      pieces = []
      onBroken()
    }
  }
}
