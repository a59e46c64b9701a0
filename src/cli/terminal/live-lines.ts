import type { WriteStream } from 'node:tty'

const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'
/** Without line breaks a line that is too long is cut by the terminal, however wide it takes each character. */
const noWrap = '\u001b[?7l'
const wrap = '\u001b[?7h'
const eraseBelow = '\u001b[0J'

/** Lines at the end of a terminal that change in place, while other text is printed above them. Call {@link stop} when done. */
export class LiveLines {
  readonly #stream: WriteStream
  #lines: readonly string[] = []
  #drawn = 0
  #isPaused = false
  readonly #waiting: (() => void)[] = []
  readonly #restore = (): void => void this.#stream.write(showCursor)

  constructor(stream: WriteStream) {
    this.#stream = stream
    // A program that ends by an error must not leave a terminal without a cursor.
    process.on('exit', this.#restore)
  }

  /** Replaces the lines. Those that the terminal has no room for are left out. */
  show(lines: readonly string[]): void {
    this.#lines = lines.slice(0, Math.max(1, this.#stream.rows - 2))
    if (!this.#isPaused) this.#stream.write(this.#erased() + this.#draw())
  }

  /** Prints text above the lines; `write` is called while they are erased. */
  above(write: () => void): void {
    if (this.#isPaused) {
      this.#waiting.push(write)
      return
    }
    this.#stream.write(this.#erased())
    write()
    this.#stream.write(this.#draw())
  }

  /** Erases the lines and prints nothing until {@link resume}, while something else uses the terminal. */
  pause(): void {
    this.#stream.write(this.#erased() + showCursor)
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    for (const write of this.#waiting.splice(0)) write()
    this.#stream.write(this.#draw())
  }

  /** Erases the lines. */
  stop(): void {
    if (this.#isPaused) this.resume()
    this.#lines = []
    this.#stream.write(this.#erased() + showCursor)
    process.off('exit', this.#restore)
  }

  #erased(): string {
    const up = this.#drawn > 0 ? `\r\u001b[${this.#drawn}A${eraseBelow}` : ''
    this.#drawn = 0
    return up
  }

  #draw(): string {
    if (this.#lines.length === 0) return ''
    this.#drawn = this.#lines.length
    return `${hideCursor}${noWrap}${this.#lines.join('\n')}\n${wrap}`
  }
}
