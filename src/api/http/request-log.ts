import type { FastifyBaseLogger } from 'fastify'

type Child = FastifyBaseLogger['child']
type Line = unknown[]

/**
 * The log of one request. Few requests log anything: the logger that has the fields of the request is made for the first line, not for each
 * request, of which it would be a noticeable part.
 */
class RequestLog implements FastifyBaseLogger {
  readonly #log: FastifyBaseLogger
  readonly #of: Parameters<Child>
  #own: FastifyBaseLogger | undefined

  constructor(log: FastifyBaseLogger, ...of: Parameters<Child>) {
    this.#log = log
    this.#of = of
  }

  get #logger(): FastifyBaseLogger {
    this.#own ??= this.#log.child(...this.#of)
    return this.#own
  }

  get level(): string {
    return this.#logger.level
  }

  set level(level: string) {
    this.#logger.level = level
  }

  child(...of: Parameters<Child>): FastifyBaseLogger {
    return this.#logger.child(...of)
  }

  #write(level: Exclude<keyof FastifyBaseLogger, 'child' | 'level'>, line: Line): void {
    Reflect.apply(this.#logger[level], this.#logger, line)
  }

  trace(...line: Line): void {
    this.#write('trace', line)
  }

  debug(...line: Line): void {
    this.#write('debug', line)
  }

  info(...line: Line): void {
    this.#write('info', line)
  }

  warn(...line: Line): void {
    this.#write('warn', line)
  }

  error(...line: Line): void {
    this.#write('error', line)
  }

  fatal(...line: Line): void {
    this.#write('fatal', line)
  }

  silent(...line: Line): void {
    this.#write('silent', line)
  }
}

/** Fastify's option for the logs of requests. */
export const requestLog = (log: FastifyBaseLogger, ...of: Parameters<Child>): FastifyBaseLogger =>
  new RequestLog(log, ...of)
