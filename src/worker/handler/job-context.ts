import { inspect } from 'node:util'
import type { ChildCalls } from '../../jobs/child-job.ts'
import { cutText } from '../../jobs/cut-text.ts'
import { fenceHeader } from '../../jobs/fence.ts'
import type { EmitSpan } from '../../jobs/handler-span.ts'
import { hopsHeader } from '../../jobs/hops.ts'
import type { JobContext, LogLevel } from '../../jobs/job-context.ts'
import type { EmitJobEvent } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'
import type { AwaitAnswers } from '../../jobs/job-wait.ts'
import { version } from '../../version.ts'
import type { Attempt } from './attempt.ts'
import { type ChildParts, Children } from './child-calls.ts'
import { HandlerSpans } from './handler-spans.ts'
import { JobWaits } from './job-waits.ts'
import { KeptState } from './kept-state.ts'
import { mayBeForgotten } from './may-be-forgotten.ts'
import type { StopSignal } from './stop-signal.ts'
import { StoppedError, stoppedError } from './stopped-error.ts'
import { toJson } from './to-json.ts'

/** `fetch` as handlers see it. */
export type JobFetch = JobContext['fetch']

export interface ContextParts {
  attempt: Attempt
  emit: EmitJobEvent
  /** Undefined: the attempt is not traced. */
  emitSpan?: EmitSpan | undefined
  /** Undefined: the handler does not run on the event loop. */
  awaitAnswers?: AwaitAnswers | undefined
  /** Undefined: the handler cannot submit jobs. `waitFor` absent: it waits by `awaitAnswers`. */
  children?: (Pick<ChildParts, 'children'> & Partial<ChildParts>) | undefined
  /** Aborts with a `StopRequest`; the handler sees an Error in its place. */
  stop: StopSignal
  fetch: JobFetch
  /** Where `fetch` sends the fence. */
  fenceOrigins?: readonly string[] | undefined
  /** Called whenever the handler reads its signal, reports progress or logs: how code that never waits learns of a stop. */
  poll?: (() => void) | undefined
}

/** How requests of handlers and webhooks introduce themselves, unless the handler does. */
const userAgent = `drover/${version}`

/** Longest log or progress message in UTF-16 units; a longer one is cut. */
export const maxMessageLength = 8192

const levels: readonly unknown[] = ['debug', 'info', 'warn', 'error'] satisfies LogLevel[]

/**
 * Creates the second argument of a handler. No method needs `this`; only `fetch`, `checkpoint`, `once`, `waitForSignal` and those for children throw.
 *
 * - `progress`: a fraction outside 0 to 1 is clamped; NaN or a value that is not a number (0/0 for an empty list) repeats the last
 *   fraction. Data that is not JSON is dropped, and the job's log says so once.
 * - `signal`: created on first read, since most handlers never read it. In a thread or process, code that computes without a pause
 *   learns of a stop by reading `job.signal` again (not a copy of it) or by reporting progress.
 *
 * After `end()` progress and log are ignored, nothing more is kept, and the signal no longer follows `stop`.
 */
export function createJobContext(parts: ContextParts): { context: JobContext; end: () => void } {
  const context = new HandlerContext(parts)
  return { context, end: () => HandlerContext.end(context) }
}

const readSignal = Symbol('signal')

/** The same for all jobs. Copies of a context, and objects that inherit from one, have a signal, too. */
const signalProperty = {
  enumerable: true,
  get(this: Record<typeof readSignal, () => AbortSignal>): AbortSignal {
    return this[readSignal]()
  },
}

/**
 * A class, because an object literal with getters gets a hidden class of its own for each job. That took 2.6 µs, and kept all that its closures
 * reach in memory until the next major garbage collection. All that handlers see is the object's own: they may spread it.
 */
class HandlerContext implements JobContext {
  readonly id: string
  readonly type: string
  readonly tenant: string
  readonly attempt: number
  readonly maxAttempts: number
  readonly fence: number
  readonly restored: unknown
  declare readonly signal: AbortSignal
  readonly #parts: ContextParts
  #isOpen = true
  #hasRefusedData = false
  #lastFraction = 0
  #derived: DerivedSignal | undefined
  #spans: HandlerSpans | undefined
  #kept: KeptState | undefined
  #waits: JobWaits | undefined
  #isParked = false
  #children: Children | undefined

  constructor(parts: ContextParts) {
    const { id, type, tenant, attempt, maxAttempts, fence } = parts.attempt
    this.id = id
    this.type = type
    this.tenant = tenant
    this.attempt = attempt
    this.maxAttempts = maxAttempts
    this.fence = fence
    this.#parts = parts
    this.restored = parts.attempt.restored === undefined ? undefined : this.#keptState().restored
    Object.defineProperty(this, 'signal', signalProperty)
  }

  readonly [readSignal] = (): AbortSignal => {
    const { poll, stop } = this.#parts
    poll?.()
    this.#derived ??= deriveSignal(stop)
    if (this.#isParked) this.#derived.park()
    return this.#derived.signal
  }

  readonly checkpoint: JobContext['checkpoint'] = (state) => {
    this.#parts.poll?.()
    return this.#keptState().checkpoint(state)
  }

  readonly once: JobContext['once'] = (name, fn) => this.#keptState().once(name, fn)

  readonly waitForSignal = ((...of: Parameters<JobWaits['waitForSignal']>) =>
    mayBeForgotten(this.#jobWaits().waitForSignal(...of))) as JobContext['waitForSignal']

  readonly run: ChildCalls['run'] = (...of: Parameters<Children['run']>) =>
    mayBeForgotten(this.#jobChildren().run(...of))

  readonly start: ChildCalls['start'] = (...of) => mayBeForgotten(this.#jobChildren().start(...of))

  readonly gather = ((...of: Parameters<Children['gather']>) =>
    mayBeForgotten(this.#jobChildren().gather(...of))) as ChildCalls['gather']

  readonly progress: JobContext['progress'] = (fraction, message, data) => {
    const { poll, emit } = this.#parts
    if (!this.#isOpen) return
    poll?.()
    const json = toJson(data, '/data')
    if (typeof fraction === 'number' && !Number.isNaN(fraction)) this.#lastFraction = Math.min(1, Math.max(0, fraction))
    const text = typeof message === 'string' ? cutText(message, maxMessageLength) : null
    void emit({ kind: 'progress', fraction: this.#lastFraction, message: text, data: json.ok ? json.value : null })
    if (json.ok || this.#hasRefusedData) return
    this.#hasRefusedData = true
    this.log(`dropped progress data: ${json.problem}, which is not JSON`, 'warn')
  }

  readonly log: JobContext['log'] = (message, level = 'info') => {
    const { poll, emit } = this.#parts
    if (!this.#isOpen) return
    poll?.()
    const text = cutText(typeof message === 'string' ? message : inspect(message, { depth: 2 }), maxMessageLength)
    const known = levels.includes(level) ? level : 'info'
    void emit({ kind: 'log', at: new Date().toISOString(), level: known, message: text, attempt: this.attempt })
  }

  readonly fetch: JobContext['fetch'] = async (url, init) => {
    const { signal } = this
    const { attempt, fenceOrigins, fetch } = this.#parts
    const headers = new Headers(init?.headers)
    headers.set(hopsHeader, String(attempt.hops + 1))
    headers.delete(fenceHeader)
    if (fenceOrigins?.includes(URL.parse(String(url))?.origin ?? '')) headers.set(fenceHeader, String(attempt.fence))
    if (!headers.has('user-agent')) headers.set('user-agent', userAgent)
    const either = init?.signal ? AbortSignal.any([signal, init.signal]) : signal
    return this.#handlerSpans().request((init?.method ?? 'GET').toUpperCase(), url, (traceparent) => {
      if (traceparent !== undefined && !headers.has('traceparent')) headers.set('traceparent', traceparent)
      return fetch(url, { ...init, headers, signal: either })
    })
  }

  readonly span: JobContext['span'] = (name, fn, attributes = {}) => this.#handlerSpans().run(name, fn, attributes)

  /** Not a method of the context, which handlers have. */
  static end(context: HandlerContext): void {
    context.#isOpen = false
    context.#derived?.release()
  }

  #keptState(): KeptState {
    const { attempt, emit } = this.#parts
    return (this.#kept ??= new KeptState(attempt, (request) => (this.#isOpen ? emit(request) : undefined)))
  }

  #jobWaits(): JobWaits {
    const { attempt, awaitAnswers } = this.#parts
    const ask: AwaitAnswers | undefined =
      awaitAnswers &&
      (async (waits, needed) => {
        if (!this.#isOpen) return { status: 'refused', failure: attemptOver }
        const reply = await awaitAnswers(waits, needed)
        if (reply.status === 'parked') this.#park()
        return reply
      })
    return (this.#waits ??= new JobWaits(attempt, ask))
  }

  #jobChildren(): Children {
    const { children } = this.#parts
    const waitFor = children?.waitFor ?? ((field: string) => this.#jobWaits().waitFor(field))
    const parts = children && { children: children.children, waitFor, isParked: () => this.#isParked }
    return (this.#children ??= new Children(parts))
  }

  #park(): void {
    this.#isOpen = false
    this.#isParked = true
    this.#derived?.park()
  }

  #handlerSpans(): HandlerSpans {
    const { attempt, emitSpan } = this.#parts
    this.#spans ??= new HandlerSpans(attempt.traceparent, emitSpan && ((span) => void (this.#isOpen && emitSpan(span))))
    return this.#spans
  }
}

const attemptOver: JobFailure = { code: 'attempt_over', message: 'the attempt is over', retryable: true }

interface DerivedSignal {
  signal: AbortSignal
  /** The attempt has ended while its handler waits. */
  park(): void
  release(): void
}

/** Handlers and libraries expect an `AbortError` as the reason, where `stop` carries a request. */
function deriveSignal(stop: StopSignal): DerivedSignal {
  const controller = new AbortController()
  const abort = () => controller.abort(stoppedError(stop))
  if (stop.aborted) abort()
  else stop.addEventListener('abort', abort, { once: true })
  const release = () => stop.removeEventListener('abort', abort)
  const park = () => {
    release()
    controller.abort(new StoppedError('parked'))
  }
  return { signal: controller.signal, park, release }
}
