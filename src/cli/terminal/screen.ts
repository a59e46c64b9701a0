import { styleText } from 'node:util'
import { toSafeJson } from './escape.ts'
import { LiveLines } from './live-lines.ts'

type Style = Parameters<typeof styleText>[0]

/** Where a command prints: data on stdout, everything else on stderr. Text of a server must be escaped before. Call {@link stop} when done. */
export class Screen {
  readonly isQuiet: boolean
  readonly #live: LiveLines | undefined

  constructor({ isQuiet = false }: { isQuiet?: boolean } = {}) {
    this.isQuiet = isQuiet
    const { stderr, env } = process
    if (stderr.isTTY && env['TERM'] !== 'dumb' && !isQuiet) this.#live = new LiveLines(stderr)
  }

  /** Whether lines can change in place. */
  get isLive(): boolean {
    return this.#live !== undefined
  }

  /** Whether a person can be asked. */
  get canAsk(): boolean {
    return this.isLive && process.stdin.isTTY
  }

  /** A line of data. */
  data(line: string): void {
    this.#print(() => process.stdout.write(`${line}\n`))
  }

  /** A value as JSON: indented for a person, else in one line. */
  json(value: unknown): void {
    this.data(toSafeJson(value, process.stdout.isTTY ? 2 : 0))
  }

  /** A value as one line of JSON. */
  jsonLine(value: unknown): void {
    this.data(toSafeJson(value))
  }

  /** A line about what happens. */
  note(line: string): void {
    if (!this.isQuiet) this.#print(() => process.stderr.write(`${line}\n`))
  }

  /** Replaces the lines that change in place; ignored where there are none. */
  show(lines: readonly string[]): void {
    this.#live?.show(lines)
  }

  /** Lets something else use the terminal. @returns what ends that */
  pause(): () => void {
    this.#live?.pause()
    return () => this.#live?.resume()
  }

  stop(): void {
    this.#live?.stop()
  }

  #print(write: () => void): void {
    if (this.#live === undefined) write()
    else this.#live.above(write)
  }
}

/** Text of stdout in a colour, unless it is no terminal or NO_COLOR is set. */
export const onStdout = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout })

/** Text of stderr in a colour, unless it is no terminal or NO_COLOR is set. */
export const onStderr = (style: Style, text: string): string => styleText(style, text, { stream: process.stderr })

/** The colour of a state. */
export function styleOf(state: string): Style {
  return styles[state] ?? 'reset'
}

const styles: Record<string, Style> = {
  succeeded: 'green',
  failed: 'red',
  canceled: 'yellow',
  expired: 'yellow',
  running: 'cyan',
  scheduled: 'dim',
  blocked: 'dim',
}
