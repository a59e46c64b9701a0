import { AsyncLocalStorage } from 'node:async_hooks'
import { cutText } from '../../jobs/cut-text.ts'
import type { EmitSpan, HandlerSpan } from '../../jobs/handler-span.ts'
import { childTraceparent, spanIdOf } from '../../jobs/trace-context.ts'

/** What code sets beside the name of a span. */
export type SpanDetails = HandlerSpan['attributes']

/** Further spans of an attempt are not reported. */
const maxSpans = 1000
const maxNameLength = 200
const maxValueLength = 2000
const maxAttributes = 32

/** The span of `job.span` in which code runs, also after it has waited. Made on first use: most handlers have none. */
let running: AsyncLocalStorage<{ of: HandlerSpans; traceparent: string }> | undefined

/** The spans inside one attempt. Where nobody listens (`emit` is undefined) nothing is measured. */
export class HandlerSpans {
  readonly #traceparent: string | undefined
  readonly #emit: EmitSpan | undefined
  #count = 0

  /** @param traceparent of the attempt; without a trace there are no spans */
  constructor(traceparent: string | undefined, emit: EmitSpan | undefined) {
    this.#traceparent = traceparent
    this.#emit = traceparent === undefined ? undefined : emit
  }

  /** The trace context of what starts here: of the innermost span of `job.span` around it, else of the attempt. */
  get #parent(): string | undefined {
    const around = running?.getStore()
    return around?.of === this ? around.traceparent : this.#traceparent
  }

  /** Runs `fn` as a span. What it returns or throws is passed on. */
  async run<T>(name: string, fn: () => T | Promise<T>, attributes: SpanDetails): Promise<T> {
    const parent = this.#parent
    if (parent === undefined || !this.#emit) return fn()
    const traceparent = childTraceparent(parent)
    const storage = (running ??= new AsyncLocalStorage())
    return this.#measure({ name, kind: 'internal', parent, traceparent, attributes }, () =>
      storage.run({ of: this, traceparent }, async () => fn()),
    )
  }

  /** Sends a request as a span. @param send is given the `traceparent` header of the request; undefined: there is no trace */
  async request(
    method: string,
    url: string | URL,
    send: (traceparent: string | undefined) => Promise<Response>,
  ): Promise<Response> {
    const parent = this.#parent
    if (parent === undefined) return send(undefined)
    const traceparent = childTraceparent(parent)
    if (!this.#emit) return send(traceparent)
    const attributes = requestAttributes(method, url)
    const span = { name: method, kind: 'client' as const, parent, traceparent, attributes }
    return this.#measure(
      span,
      () => send(traceparent),
      ({ status }) => {
        attributes['http.response.status_code'] = status
        return status >= 400 ? String(status) : undefined
      },
    )
  }

  async #measure<T>(
    span: Pick<HandlerSpan, 'name' | 'kind' | 'attributes'> & { parent: string; traceparent: string },
    work: () => Promise<T>,
    errorOf: (result: T) => string | undefined = () => undefined,
  ): Promise<T> {
    const startedAt = epochNow()
    let error: string | undefined
    try {
      const result = await work()
      error = errorOf(result)
      return result
    } catch (thrown) {
      error = codeOf(thrown)
      throw thrown
    } finally {
      this.#report({ ...span, startedAt, error })
    }
  }

  #report(
    span: Pick<HandlerSpan, 'name' | 'kind' | 'attributes' | 'startedAt' | 'error'> & {
      parent: string
      traceparent: string
    },
  ): void {
    const { name, kind, attributes, startedAt, error, parent, traceparent } = span
    if (this.#count++ >= maxSpans) return
    this.#emit?.({
      name: cutText(name, maxNameLength),
      kind,
      spanId: spanIdOf(traceparent),
      parentId: spanIdOf(parent),
      startedAt,
      endedAt: epochNow(),
      attributes: plain(attributes),
      ...(error !== undefined && { error }),
    })
  }
}

/** Without user, password, query and fragment, which may hold secrets. */
function requestAttributes(method: string, given: string | URL): SpanDetails {
  const url = URL.parse(String(given))
  const known = { 'http.request.method': method }
  if (!url) return known
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  return {
    ...known,
    'url.full': `${url.origin}${url.pathname}`,
    'server.address': url.hostname,
    'server.port': port,
  }
}

const epochNow = (): number => performance.timeOrigin + performance.now()

/** A handler may throw anything, and pass anything as an attribute. */
function codeOf(thrown: unknown): string {
  try {
    const { code, name } = Object(thrown) as { code?: unknown; name?: unknown }
    const known = typeof code === 'string' ? code : name
    return typeof known === 'string' ? cutText(known, maxNameLength) : '_OTHER'
  } catch {
    // A getter that throws says nothing of the error.
    return '_OTHER'
  }
}

function plain(attributes: SpanDetails): SpanDetails {
  const entries = Object.entries(attributes).slice(0, maxAttributes)
  return Object.fromEntries(
    entries.flatMap(([key, value]): [string, string | number | boolean][] => {
      if (typeof value === 'string') return [[cutText(key, maxNameLength), cutText(value, maxValueLength)]]
      const isPlain = typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
      return isPlain ? [[cutText(key, maxNameLength), value]] : []
    }),
  )
}
