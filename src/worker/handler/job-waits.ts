import { JobError, maxDelayMs, PermanentError } from '../../jobs/job-error.ts'
import { type Answer, type AwaitAnswers, signalField, signalNamePattern, type Wait } from '../../jobs/job-wait.ts'
import type { Attempt } from './attempt.ts'

interface Waiting {
  wait: Wait
  resolve: (json: string) => void
  reject: (error: JobError) => void
}

/** What a handler waits for without a worker. Behind `job.waitForSignal`. */
export class JobWaits {
  readonly #answers: Readonly<Record<string, string>>
  readonly #ask: AwaitAnswers | undefined
  #waiting: Waiting[] = []

  /** @param ask undefined: the handler does not run on the event loop */
  constructor({ answers = {} }: Pick<Attempt, 'answers'>, ask: AwaitAnswers | undefined) {
    this.#answers = answers
    this.#ask = ask
  }

  /** @throws JobError, see JobContext */
  async waitForSignal(name: string, options: { timeoutMs?: number; step?: string } = {}): Promise<unknown> {
    const { timeoutMs, step = '' } = options
    if (typeof name !== 'string' || !signalNamePattern.test(name))
      throw invalidWait('the name of a signal must be 1 to 100 letters, digits, dots, hyphens and underscores')
    if (timeoutMs !== undefined && !(timeoutMs >= 0 && timeoutMs <= maxDelayMs))
      throw invalidWait(`the timeout of a wait must be from 0 to ${maxDelayMs} ms`)
    const isStep = typeof step === 'string' && step.length <= 100 && step.isWellFormed()
    if (!isStep) throw invalidWait('the step of a wait must be a text of up to 100 characters')
    const wait = {
      field: signalField(name),
      step,
      timeoutMs: timeoutMs === undefined ? undefined : Math.ceil(timeoutMs),
    }
    return JSON.parse(await this.#answerTo(wait))
  }

  /** Resolves when the answer of that name is there. @throws JobError where the job is not parked, and must not go on */
  async waitFor(field: string): Promise<void> {
    await this.#wait({ field, step: '', timeoutMs: undefined })
  }

  async #answerTo(wait: Wait): Promise<string> {
    if (!this.#ask) throw notOnEventLoop()
    return this.#answers[wait.field] ?? (await this.#wait(wait))
  }

  #wait(wait: Wait): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    // Waits of one turn are asked for together.
    if (this.#waiting.length === 0) setImmediate(() => void this.#askAll())
    this.#waiting.push({ wait, resolve, reject })
    return promise
  }

  async #askAll(): Promise<void> {
    const asked = this.#waiting
    this.#waiting = []
    const reply = await this.#ask?.(
      asked.map(({ wait }) => wait),
      1,
    )
    // None of them is ever settled: the handler is called again from its beginning.
    if (reply === undefined || reply.status === 'parked') return
    for (const [n, waiting] of asked.entries()) {
      if (reply.status === 'refused') {
        const { code, message, retryable } = reply.failure
        waiting.reject(new JobError(message, { code, retryable }))
      } else this.#settle(waiting, reply.answers[n] ?? { status: 'missing' })
    }
  }

  #settle({ wait, resolve, reject }: Waiting, answer: Answer): void {
    if (answer.status === 'arrived') return resolve(answer.json)
    if (answer.status === 'over') return reject(timedOut(wait))
    this.#wait(wait).then(resolve, reject)
  }
}

const timedOut = ({ field, timeoutMs }: Wait): JobError =>
  new PermanentError(`no ${field.replace(':', ' ')} came within ${timeoutMs} ms`, { code: 'signal_timeout' })

const invalidWait = (message: string): JobError => new PermanentError(message, { code: 'invalid_wait' })

const notOnEventLoop = (): JobError =>
  new PermanentError('only handlers that run on the event loop can wait for signals', { code: 'not_on_event_loop' })
