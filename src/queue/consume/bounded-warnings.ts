import type { Logger } from 'pino'

const windowMs = 10_000
/** So many of each window are logged one by one. */
const maxLines = 3

/**
 * Logs a warning that may concern all running jobs at once, such as after a loss of data in Redis: the first few of ten seconds as they
 * are, the others by one line with their number.
 */
export class BoundedWarnings {
  readonly #log: Pick<Logger, 'warn'>
  readonly #message: string
  readonly #fields: object
  #count = 0
  #timer: NodeJS.Timeout | undefined

  /** `fields` are for the line with the number of the others. */
  constructor(options: { log: Pick<Logger, 'warn'>; message: string; fields: object }) {
    this.#log = options.log
    this.#message = options.message
    this.#fields = options.fields
  }

  warn(fields: object): void {
    this.#timer ??= setTimeout(() => this.close(), windowMs)
    this.#count += 1
    if (this.#count <= maxLines) this.#log.warn(fields, this.#message)
  }

  /** Logs the number of those that were not logged. May be used on. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const more = this.#count - maxLines
    this.#count = 0
    if (more > 0) this.#log.warn({ ...this.#fields, more }, this.#message)
  }
}
