import { type IncomingMessage, request as requestHttp } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { version } from '../../version.ts'
import { CommandFailure } from '../command-failure.ts'
import { type Doc, docOf } from './document.ts'
import { isBroken, notReached } from './not-reached.ts'
import { failureOf, parseAnswer } from './problem.ts'
import type { Target } from './target.ts'

/** A server that runs answers in this time where no wait was asked for: Redis that is away makes it a 503 earlier. */
const answerMs = 10_000
/** A wait is at most 50 s, and a stream has a comment each 15 s: longer silence is a dead connection. */
const silenceMs = 75_000
/** How long a server that was reached before may be away, as while it is restarted. */
const patienceMs = 60_000
const firstPauseMs = 250
const longestPauseMs = 4000

export interface Call {
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  /** Whether a lost answer may be asked for again; by default of reads alone. */
  isRepeatable?: boolean
  /** The flags that gave the members of `input`, for messages about them. */
  names?: ReadonlyMap<string, string>
}

export interface Answer {
  status: number
  body: string
}

/** Calls one server. Nothing of Node.js that takes long to load: `fetch` alone would be a third of the time of a short command. */
export class Client {
  readonly target: Target
  readonly #answerMs: number
  #wasReached = false

  /** `withinMs`: how long a server may be silent before it answers, where no wait is asked for. */
  constructor(target: Target, withinMs = answerMs) {
    this.target = target
    this.#answerMs = withinMs
  }

  /**
   * Calls an operation.
   *
   * @returns the JSON object of a success
   * @throws CommandFailure for a problem, and where the server is not reached
   */
  async call(method: string, path: string, call: Call = {}): Promise<Doc> {
    const { status, body } = await this.send(method, path, call)
    return body === '' ? {} : docOf(parseAnswer(status, body))
  }

  /** {@link call} of an operation that answers with any JSON value. */
  async value(method: string, path: string, call: Call = {}): Promise<unknown> {
    const { status, body } = await this.send(method, path, call)
    return parseAnswer(status, body)
  }

  /** {@link call} with the body as it came. */
  async send(method: string, path: string, call: Call = {}): Promise<Answer> {
    const isRepeatable = call.isRepeatable ?? method === 'GET'
    const giveUpAt = performance.now() + patienceMs
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        const response = await this.open(method, path, call)
        const body = await text(response)
        const status = response.statusCode ?? 0
        if (status < 300) return { status, body }
        const isAway = isRepeatable && this.#wasReached && [502, 503, 504].includes(status)
        const waitMs = 1000 * Number(response.headers['retry-after'] ?? 1)
        if (!isAway || !(performance.now() + waitMs < giveUpAt) || waitMs > 5000) {
          throw failureOf(status, body, { method, path }, call.names)
        }
        await sleep(waitMs, undefined, signalOf(call))
      } catch (error) {
        if (!isBroken(error) || call.signal?.aborted) throw error
        if (!isRepeatable || !this.#wasReached || performance.now() > giveUpAt) throw notReached(this.target, error)
        await sleep(pauseMs, undefined, signalOf(call))
      }
    }
  }

  /** Reads a path whatever the status is. @throws CommandFailure where the server is not reached */
  async read(path: string): Promise<Answer> {
    try {
      const response = await this.open('GET', path)
      return { status: response.statusCode ?? 0, body: await text(response) }
    } catch (error) {
      throw isBroken(error) ? notReached(this.target, error) : error
    }
  }

  /** Sends a request once. @throws the error of the connection */
  async open(method: string, path: string, { body, headers = {}, signal }: Call = {}): Promise<IncomingMessage> {
    const { url, key } = this.target
    const payload = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
    const request = url.protocol === 'https:' ? (await import('node:https')).request : requestHttp
    return new Promise((resolve, reject) => {
      const sent = request(
        `${url.origin}${url.pathname.replace(/\/$/, '')}${path}`,
        {
          method,
          timeout: headers['prefer'] === undefined ? this.#answerMs : silenceMs,
          headers: {
            accept: 'application/json',
            'user-agent': `drover/${version}`,
            ...(key !== undefined && { authorization: `Bearer ${key}` }),
            ...(payload !== undefined && { 'content-type': 'application/json', 'content-length': payload.length }),
            ...headers,
          },
          ...(signal && { signal }),
        },
        (response) => {
          sent.setTimeout(silenceMs)
          // A server that cannot answer at first is reported at once.
          if ((response.statusCode ?? 500) < 500) this.#wasReached = true
          resolve(response)
        },
      )
      sent.on('timeout', () => sent.destroy(Object.assign(new Error('is silent'), { code: 'ETIMEDOUT' })))
      sent.on('error', reject)
      sent.end(payload)
    })
  }
}

const signalOf = ({ signal }: Call) => (signal ? { signal } : {})

/** An id or name as a part of a path. */
export const segment = (text: string): string => encodeURIComponent(text)

/** A failure that the caller knows: {@link Client.call} throws nothing else but faults. */
export const isFailure = (error: unknown): error is CommandFailure => error instanceof CommandFailure
