import { inspect } from 'node:util'
import { cutText } from '../../jobs/cut-text.ts'
import { fenceHeader } from '../../jobs/fence.ts'
import type { EmitSpan } from '../../jobs/handler-span.ts'
import { hopsHeader } from '../../jobs/hops.ts'
import type { JobContext, LogLevel } from '../../jobs/job-context.ts'
import type { EmitJobEvent } from '../../jobs/job-event.ts'
import { version } from '../../version.ts'
import type { Attempt } from './attempt.ts'
import { HandlerSpans } from './handler-spans.ts'
import { KeptState } from './kept-state.ts'
import type { StopSignal } from './stop-signal.ts'
import { stoppedError } from './stopped-error.ts'
import { toJson } from './to-json.ts'

/** `fetch` as handlers see it. */
export type JobFetch = JobContext['fetch']

export interface ContextParts {
  attempt: Attempt
  emit: EmitJobEvent
  /** Undefined: the attempt is not traced. */
  emitSpan?: EmitSpan | undefined
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
 * Creates the second argument of a handler. No method needs `this`; only `fetch`, `checkpoint` and `once` throw.
 *
 * - `progress`: a fraction outside 0 to 1 is clamped; NaN or a value that is not a number (0/0 for an empty list) repeats the last
 *   fraction. Data that is not JSON is dropped, and the job's log says so once.
 * - `signal`: created on first read, since most handlers never read it. In a thread or process, code that computes without a pause
 *   learns of a stop by reading `job.signal` again (not a copy of it) or by reporting progress.
 *
 * After `end()` progress and log are ignored, nothing more is kept, and the signal no longer follows `stop`.
 */
export function createJobContext(parts: ContextParts): { context: JobContext; end: () => void } {
  const { attempt, emit, stop, poll } = parts
  let isOpen = true
  let hasRefusedData = false
  let lastFraction = 0
  let derived: DerivedSignal | undefined
  let derivedSpans: HandlerSpans | undefined
  // Most handlers have none.
  const spans = () => {
    const { emitSpan } = parts
    derivedSpans ??= new HandlerSpans(attempt.traceparent, emitSpan && ((span) => void (isOpen && emitSpan(span))))
    return derivedSpans
  }

  let derivedKept: KeptState | undefined
  const kept = () => (derivedKept ??= new KeptState(attempt, (request) => (isOpen ? emit(request) : undefined)))

  const context: JobContext = {
    id: attempt.id,
    type: attempt.type,
    tenant: attempt.tenant,
    attempt: attempt.attempt,
    maxAttempts: attempt.maxAttempts,
    fence: attempt.fence,
    get restored() {
      return kept().restored
    },
    checkpoint(state) {
      poll?.()
      return kept().checkpoint(state)
    },
    once: (name, fn) => kept().once(name, fn),
    get signal() {
      poll?.()
      derived ??= deriveSignal(stop)
      return derived.signal
    },
    progress(fraction, message, data) {
      if (!isOpen) return
      poll?.()
      const json = toJson(data, '/data')
      if (typeof fraction === 'number' && !Number.isNaN(fraction)) lastFraction = Math.min(1, Math.max(0, fraction))
      const text = typeof message === 'string' ? cutText(message, maxMessageLength) : null
      void emit({ kind: 'progress', fraction: lastFraction, message: text, data: json.ok ? json.value : null })
      if (json.ok || hasRefusedData) return
      hasRefusedData = true
      context.log(`dropped progress data: ${json.problem}, which is not JSON`, 'warn')
    },
    log(message, level = 'info') {
      if (!isOpen) return
      poll?.()
      const text = cutText(typeof message === 'string' ? message : inspect(message, { depth: 2 }), maxMessageLength)
      const known = levels.includes(level) ? level : 'info'
      void emit({ kind: 'log', at: new Date().toISOString(), level: known, message: text, attempt: attempt.attempt })
    },
    async fetch(url, init) {
      const { signal } = context
      const headers = new Headers(init?.headers)
      headers.set(hopsHeader, String(attempt.hops + 1))
      headers.delete(fenceHeader)
      if (parts.fenceOrigins?.includes(URL.parse(String(url))?.origin ?? ''))
        headers.set(fenceHeader, String(attempt.fence))
      if (!headers.has('user-agent')) headers.set('user-agent', userAgent)
      const either = init?.signal ? AbortSignal.any([signal, init.signal]) : signal
      return spans().request((init?.method ?? 'GET').toUpperCase(), url, (traceparent) => {
        if (traceparent !== undefined && !headers.has('traceparent')) headers.set('traceparent', traceparent)
        return parts.fetch(url, { ...init, headers, signal: either })
      })
    },
    span: (name, fn, attributes = {}) => spans().run(name, fn, attributes),
  }
  return {
    context,
    end() {
      isOpen = false
      derived?.release()
    },
  }
}

interface DerivedSignal {
  signal: AbortSignal
  release(): void
}

/** Handlers and libraries expect an `AbortError` as the reason, where `stop` carries a request. */
function deriveSignal(stop: StopSignal): DerivedSignal {
  const controller = new AbortController()
  const abort = () => controller.abort(stoppedError(stop))
  if (stop.aborted) abort()
  else stop.addEventListener('abort', abort, { once: true })
  return { signal: controller.signal, release: () => stop.removeEventListener('abort', abort) }
}
