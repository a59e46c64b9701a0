import type { ReceivedSignal, WaitOptions } from '../../jobs/job-context.ts'
import { JobError, maxDelayMs, PermanentError } from '../../jobs/job-error.ts'
import {
  type Answer,
  type AwaitAnswers,
  decodeSignal,
  signalField,
  signalLimits,
  signalNamePattern,
  signalOfField,
  type Wait,
} from '../../jobs/job-wait.ts'
import type { Attempt } from './attempt.ts'

type Arrived = Extract<Answer, { status: 'arrived' }>

interface Waiting {
  wait: Wait
  resolve: (answer: Arrived) => void
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

  /** Resolves with the payload, or for an array with the name, too. @throws JobError, see JobContext */
  async waitForSignal(names: string | readonly string[], options: WaitOptions = {}): Promise<unknown> {
    if (isList(names)) return this.#signalOf(names, options)
    return (await this.#signalOf([names], options)).payload
  }

  /** Resolves when the answer of that name is there. @throws JobError where the job is not parked, and must not go on */
  async waitFor(field: string): Promise<void> {
    await this.#wait({ fields: [field], step: '', timeoutMs: undefined })
  }

  async #signalOf(names: readonly string[], options: WaitOptions): Promise<ReceivedSignal> {
    const wait = waitOf(names, options)
    if (!this.#ask) throw notOnEventLoop()
    const { field, value } = this.#firstOf(wait) ?? (await this.#wait(wait))
    return { name: signalOfField(field) ?? field, payload: JSON.parse(decodeSignal(value).json) }
  }

  /** Of the answers that were there when the handler was called. */
  #firstOf({ fields }: Wait): Pick<Arrived, 'field' | 'value'> | undefined {
    const arrived = fields.flatMap((field) => {
      const value = this.#answers[field]
      return value === undefined ? [] : [{ field, value, order: decodeSignal(value).order }]
    })
    return arrived.toSorted((a, b) => a.order - b.order)[0]
  }

  #wait(wait: Wait): Promise<Arrived> {
    const { promise, resolve, reject } = Promise.withResolvers<Arrived>()
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
    if (answer.status === 'arrived') return resolve(answer)
    if (answer.status === 'over') return reject(timedOut(wait))
    this.#wait(wait).then(resolve, reject)
  }
}

const isList = (names: string | readonly string[]): names is readonly string[] => Array.isArray(names)

function waitOf(names: readonly string[], { timeoutMs, step = '' }: WaitOptions): Wait {
  const { size } = new Set(names)
  if (size !== names.length || size === 0 || size > signalLimits.names)
    throw invalidWait(`a wait must be for 1 to ${signalLimits.names} distinct signals`)
  if (!names.every((name) => typeof name === 'string' && signalNamePattern.test(name)))
    throw invalidWait('the name of a signal must be 1 to 100 letters, digits, dots, hyphens and underscores')
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= maxDelayMs))
    throw invalidWait(`the timeout of a wait must be from 0 to ${maxDelayMs} ms`)
  const isStep = typeof step === 'string' && step.length <= 100 && step.isWellFormed()
  if (!isStep) throw invalidWait('the step of a wait must be a text of up to 100 characters')
  // Sorted: the order in which a handler names them makes no other wait.
  const fields = names.map(signalField).toSorted()
  return { fields, step, timeoutMs: timeoutMs === undefined ? undefined : Math.ceil(timeoutMs) }
}

const timedOut = ({ fields, timeoutMs }: Wait): JobError => {
  const names = fields.map((field) => signalOfField(field) ?? field).join(' or ')
  return new PermanentError(`no signal ${names} came within ${timeoutMs} ms`, { code: 'signal_timeout' })
}

const invalidWait = (message: string): JobError => new PermanentError(message, { code: 'invalid_wait' })

const notOnEventLoop = (): JobError =>
  new PermanentError('only handlers that run on the event loop can wait for signals', { code: 'not_on_event_loop' })
