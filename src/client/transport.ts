import { ConnectionError, ProblemError, problemError } from './errors.ts'
import { backoffMs, pause } from './pause.ts'

/** How a client reaches its server. */
export interface ClientOptions {
  /** The address of the API, such as `https://jobs.example.com`. Default: the origin of the page. */
  url?: string | URL
  /** `<id>.<secret>` of an API key, or a token. A page that anybody can open must not have a key. */
  key?: string
  /** Default: the global `fetch`. */
  fetch?: typeof fetch
  /** How many seconds one request is held while something is waited for: 50 by default and at most. Fewer where a proxy ends requests sooner. */
  waitS?: number
  /** How long a call is repeated while the server does not answer, or asks for another try (408, 429, 5xx). Default: 60,000 ms. */
  patienceMs?: number
}

/** What each call takes. */
export interface CallOptions {
  /** Ends the call, which then throws the reason of the signal. A job or flow goes on. */
  signal?: AbortSignal | undefined
}

export interface Request extends CallOptions {
  body?: unknown
  headers?: Record<string, string>
  /** Whether to hold the request until something ends. */
  isWait?: boolean
  /** Whether it may be sent again when its answer was lost. Default: reads alone. */
  isRepeatable?: boolean
}

/** A server answers within this time where nothing is waited for. */
const answerMs = 30_000
const maxWaitS = 50

/** Sends requests, again where that is safe. */
export class Transport {
  readonly #base: string
  readonly #headers: Headers
  readonly #fetch: typeof fetch
  readonly waitS: number
  readonly patienceMs: number

  /** @throws TypeError for an address or a key that cannot be used */
  constructor({ url = '/', key, fetch, waitS = maxWaitS, patienceMs = 60_000 }: ClientOptions) {
    const { origin, pathname } = new URL(url, pageAddress())
    this.#base = origin + pathname.replace(/\/+$/, '')
    this.#headers = new Headers({
      accept: 'application/json',
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
    })
    // Browsers refuse to call it as a method of another object.
    this.#fetch = fetch ?? ((...args) => globalThis.fetch(...args))
    this.waitS = Math.min(Math.max(Math.ceil(waitS), 1), maxWaitS)
    this.patienceMs = patienceMs
  }

  /**
   * Calls an operation of the API.
   *
   * @returns the JSON of the answer; undefined where it has none
   * @throws ProblemError, ConnectionError, the reason of the signal, TypeError for a body that is not JSON
   */
  async call(method: string, path: string, request: Request = {}): Promise<unknown> {
    const { isRepeatable = method === 'GET', isWait, signal, headers } = request
    const timeoutMs = answerMs + (isWait ? this.waitS * 1000 : 0)
    const prepared = this.prepare(method, {
      ...request,
      headers: { ...(isWait && { prefer: `wait=${this.waitS}` }), ...headers },
    })
    const patience = new Patience(this.patienceMs)
    for (;;) {
      signal?.throwIfAborted()
      try {
        // Each try has a time limit of its own.
        const limits = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]
        const response = await this.open(path, prepared, AbortSignal.any(limits))
        const text = await response.text()
        return text === '' ? undefined : parse(text, response)
      } catch (error) {
        signal?.throwIfAborted()
        const pauseMs = patience.next(error)
        if (!isRepeatable || pauseMs === undefined) throw asThrown(error)
        await pause(pauseMs, signal)
      }
    }
  }

  /** What {@link open} sends. @throws TypeError for a body that is not JSON, or a header that cannot be sent */
  prepare(method: string, { body, headers }: Request): RequestInit {
    const all = new Headers(this.#headers)
    if (body !== undefined) all.set('content-type', 'application/json')
    for (const [name, value] of Object.entries(headers ?? {})) all.set(name, value)
    return { method, headers: all, ...(body !== undefined && { body: JSON.stringify(body) }) }
  }

  /** Sends a request once. @throws ProblemError unless it succeeds, and what `fetch` throws */
  async open(path: string, prepared: RequestInit, signal: AbortSignal): Promise<Response> {
    const response = await this.#fetch(this.#base + path, { ...prepared, signal })
    if (!response.ok) throw problemError(response.status, await response.text(), response.headers)
    return response
  }
}

/** How long failures are put up with, counted from the first of a row. */
export class Patience {
  readonly #ms: number
  #failures = 0
  #giveUpAt = 0

  constructor(ms: number) {
    this.#ms = ms
  }

  /** Ends the row: something succeeded. */
  renew(): void {
    this.#failures = 0
  }

  /** How long to wait before the next try; undefined: it is of no use, or takes too long. `atLeastMs`: what was asked for before. */
  next(error: unknown, atLeastMs = 0): number | undefined {
    if (!isTransient(error)) return undefined
    if (this.#failures++ === 0) this.#giveUpAt = performance.now() + this.#ms
    const askedForMs = error instanceof ProblemError ? error.retryAfterMs : undefined
    const pauseMs = backoffMs(this.#failures, askedForMs ?? atLeastMs)
    return performance.now() + pauseMs > this.#giveUpAt ? undefined : pauseMs
  }
}

/** Whether the same request may succeed later: its connection broke, or the server says so. */
function isTransient(error: unknown): boolean {
  if (error instanceof ProblemError) return error.status >= 500 || error.status === 408 || error.status === 429
  return !(error instanceof ConnectionError)
}

/** An error of `fetch` as one of this client. */
export function asThrown(error: unknown): unknown {
  if (error instanceof ProblemError || error instanceof ConnectionError) return error
  return new ConnectionError('The server does not answer.', error)
}

/** What a relative address is relative to: the page. */
function pageAddress(): string | undefined {
  const { href }: { href?: unknown } = Object(Reflect.get(globalThis, 'location'))
  return typeof href === 'string' ? href : undefined
}

function parse(text: string, { status }: Response): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConnectionError(`The server answered ${status}, and not as Drover does.`, error)
  }
}

/** Names a submission, however often it is sent. `crypto.randomUUID` does not exist on pages without TLS. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
