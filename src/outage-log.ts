import { isOutage } from './queue/redis/connection.ts'

/** How often an outage that goes on is logged. */
const everyMs = 10_000
/** Calls that were on their way when the last connection came back fail within this time. */
const settleMs = 1000
/** A lost connection says why it cannot be opened again a moment after the first call has failed. */
const reasonWithinMs = 500

/** Writes a line whatever {@link OutageLog.admits} would say. */
export type WriteLine = (level: 'info' | 'warn', fields: object, message: string) => void

/**
 * Decides which lines of a log are written while Redis is away or accepts no commands: the first failure, then one line every ten seconds
 * with the number of failures of each kind, and one when it is over. Thousands of lines would say the same, and hide the reason.
 */
export class OutageLog {
  readonly #write: WriteLine
  /** The connections that are lost. */
  readonly #lost = new Set<unknown>()
  /** Failures since the last line, by kind. */
  #counts: Record<string, number> = {}
  #failures = 0
  /** A connection came back to another Redis than before. */
  #mayHaveLostWrites = false
  #reason: unknown
  #begunAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #settling: NodeJS.Timeout | undefined
  /** The first failure, while a better line may come. */
  #first: { kind: string; write: () => void; timer: NodeJS.Timeout } | undefined

  constructor(write: WriteLine) {
    this.#write = write
  }

  /**
   * Whether a line is to be written now.
   *
   * @param fields the outage is seen in `err`; `connection` with `connected` says that one is lost or has come back, `code` is the kind
   * @param write called where the line is to be written later
   */
  admits(fields: unknown, message: string, write: () => void): boolean {
    const { connection, connected, err, code, may_have_lost_writes } = Object(fields) as Record<string, unknown>
    if (connected === true) return this.#reconnected(connection, may_have_lost_writes === true)
    if (connected === false) this.#lost.add(connection)
    if (!isOutage(err)) return true
    if (this.#settling) this.#unsettle()
    // What a call says of a lost connection is less than what the connection itself says.
    if (connection !== undefined || this.#lost.size === 0) this.#reason = err
    const kind = typeof code === 'string' ? code : message
    if (this.#begunAt !== undefined) {
      const isBetter = this.#first !== undefined && connected === false
      this.#count(isBetter ? this.#dropFirst() : kind)
      return isBetter
    }
    this.#begin()
    if (connected === false) return true
    this.#first = { kind, write, timer: setTimeout(() => this.#writeFirst(), reasonWithinMs).unref() }
    return false
  }

  #count(kind: string): void {
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1
    this.#failures += 1
  }

  #writeFirst(): void {
    this.#first?.write()
    this.#first = undefined
  }

  /** @returns its kind */
  #dropFirst(): string {
    const { kind = '', timer } = this.#first ?? {}
    clearTimeout(timer)
    this.#first = undefined
    return kind
  }

  /** Writes what was not written yet. May be called twice. */
  stop(): void {
    this.#writeFirst()
    if (this.#failures > 0) this.#writeCounts()
    this.#reset()
  }

  #begin(): void {
    this.#begunAt = performance.now()
    // It must not keep a process alive whose other parts have stopped.
    this.#timer = setInterval(() => this.#tick(), everyMs).unref()
  }

  #reconnected(connection: unknown, mayHaveLostWrites: boolean): boolean {
    this.#lost.delete(connection)
    if (this.#begunAt === undefined) return true
    this.#mayHaveLostWrites ||= mayHaveLostWrites
    if (this.#lost.size === 0) this.#settle()
    return false
  }

  #settle(): void {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => this.#end(), settleMs).unref()
  }

  /** It goes on, or has not quite ended. */
  #unsettle(): void {
    clearTimeout(this.#settling)
    this.#settling = undefined
    if (this.#lost.size === 0) this.#settle()
  }

  /** Without a lost connection, as where the memory of Redis is full, it is over when nothing failed any more. */
  #tick(): void {
    if (this.#lost.size === 0 && Object.keys(this.#counts).length === 0) this.#end()
    else this.#writeCounts()
  }

  #writeCounts(): void {
    const fields = { outage_ms: this.#elapsedMs, failures: this.#counts, err: this.#reason }
    this.#counts = {}
    this.#write('warn', fields, 'redis is unavailable')
  }

  #end(): void {
    const lost = this.#mayHaveLostWrites && { may_have_lost_writes: true }
    const fields = { outage_ms: this.#elapsedMs, failures: this.#counts, failures_in_all: this.#failures, ...lost }
    this.#reset()
    this.#write('info', fields, 'redis is available again')
  }

  #reset(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#first?.timer)
    clearTimeout(this.#settling)
    this.#settling = undefined
    this.#begunAt = undefined
    this.#counts = {}
    this.#failures = 0
    this.#mayHaveLostWrites = false
  }

  get #elapsedMs(): number {
    return Math.round(performance.now() - (this.#begunAt ?? performance.now()))
  }
}
