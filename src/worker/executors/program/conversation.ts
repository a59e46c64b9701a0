import { setImmediate } from 'node:timers/promises'
import type { JobContext, LogLevel } from '../../../jobs/job-context.ts'
import { JobError } from '../../../jobs/job-error.ts'
import { describeFailure, type JobFailure } from '../../../jobs/job-failure.ts'
import type { JobMessage } from './messages.ts'

/** Messages of one job that wait to be handled. With more of them, or more text, the program is not read from. */
const maxWaiting = 64
const maxWaitingLength = 4 * 1024 * 1024

export interface ConversationOptions {
  context: JobContext
  /** Values and checkpoints up to this one were taken. */
  onStored: (count: number) => void
  /** This checkpoint was not kept. */
  onRefused: (count: number, failure: JobFailure) => void
  /** Whether so much waits that the program must not be read from. */
  onPressure: (isHigh: boolean) => void
}

/** What a program says about one job, in order. Its {@link run} is the handler of the job. */
export class Conversation {
  readonly #options: ConversationOptions
  readonly #inbox: { message: JobMessage; length: number }[] = []
  #length = 0
  #isHigh = false
  #isGone = false
  #hasLastWord = false
  /** How many values and checkpoints came. */
  #count = 0
  #hasDroppedValues = false
  #wake: (() => void) | undefined

  constructor(options: ConversationOptions) {
    this.#options = options
  }

  /** Whether the program has sent how the job ended: it may send nothing more about it. */
  get hasLastWord(): boolean {
    return this.#hasLastWord
  }

  take(message: JobMessage, length: number): void {
    this.#hasLastWord ||= isLastWord(message)
    this.#inbox.push({ message, length })
    this.#length += length
    this.#setPressure()
    this.#wake?.()
  }

  /** The process is gone: what it sent before counts. */
  end(): void {
    this.#isGone = true
    this.#wake?.()
  }

  /** A line that the program printed while only this job ran. */
  print(line: string, level: LogLevel): void {
    this.#options.context.log(line, level)
  }

  /** A handler: yields the values of the program and returns its output. @throws JobError with what it sent, or because it is gone */
  async *run(): AsyncGenerator<unknown, unknown, undefined> {
    let isOver = false
    try {
      for (;;) {
        const message = await this.#next()
        isOver = !message || isLastWord(message)
        if (!message || message.kind === 'error') throw await this.#toError(message)
        if (message.kind === 'result') return await this.#afterPrints(message.output)
        if (message.kind === 'yield') {
          this.#count += 1
          // No value of a job that is stopped is stored.
          this.#hasDroppedValues ||= this.#options.context.signal.aborted
          yield message.value
          this.#options.onStored(this.#count)
        } else await this.#handle(message)
      }
    } finally {
      // Stopped between two values: the program still has to end the job, within the grace of the stop.
      while (!isOver) {
        const message = await this.#next()
        isOver = !message || isLastWord(message)
        if (message) await this.#handle(message)
      }
    }
  }

  async #next(): Promise<JobMessage | undefined> {
    while (this.#inbox.length === 0 && !this.#isGone) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const next = this.#inbox.shift()
    this.#length -= next?.length ?? 0
    this.#setPressure()
    return next?.message
  }

  #setPressure(): void {
    const isHigh = this.#inbox.length >= maxWaiting || this.#length >= maxWaitingLength
    if (isHigh === this.#isHigh) return
    this.#isHigh = isHigh
    this.#options.onPressure(isHigh)
  }

  async #handle(message: JobMessage): Promise<void> {
    const { context } = this.#options
    if (message.kind === 'checkpoint') await this.#keep(message.state)
    if (message.kind === 'yield') this.#drop()
    if (message.kind === 'progress')
      context.progress(message.fraction ?? NaN, message.message ?? undefined, message.data)
    if (message.kind === 'log') context.log(message.message, levelOf(message.level))
  }

  /** A job that is stopped has no more values. */
  #drop(): void {
    this.#count += 1
    this.#hasDroppedValues = true
  }

  /** The values before a checkpoint are a part of it: it does not count without them. */
  async #keep(state: unknown): Promise<void> {
    const { context, onStored, onRefused } = this.#options
    this.#count += 1
    const missing = {
      code: 'checkpoint_refused',
      message: 'values that were yielded before it are not stored',
      retryable: true,
    }
    if (this.#hasDroppedValues) return onRefused(this.#count, missing)
    try {
      await context.checkpoint(state)
      onStored(this.#count)
    } catch (error) {
      onRefused(this.#count, describeFailure(error))
    }
  }

  async #toError(message: (JobMessage & { kind: 'error' }) | undefined): Promise<JobError> {
    if (!message) return new JobError('the program is gone', { code: 'crashed' })
    const { code, retryable, retry_after_ms: retryAfterMs, stack } = message
    if (typeof stack === 'string') this.#options.context.log(stack, 'debug')
    return this.#afterPrints(
      new JobError(message.message || 'the program failed', {
        code: code || 'job_failed',
        retryable: retryable ?? true,
        ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
      }),
    )
  }

  /** What was printed before the last word arrives in the same turn of the event loop at the latest, by another pipe. */
  async #afterPrints<T>(last: T): Promise<T> {
    await setImmediate()
    return last
  }
}

const isLastWord = ({ kind }: JobMessage): boolean => kind === 'result' || kind === 'error'

const levelOf = (level: string | null | undefined): LogLevel =>
  level === 'debug' || level === 'warn' || level === 'error' ? level : 'info'
