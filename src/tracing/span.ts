type SpanKind = 'server' | 'producer' | 'consumer' | 'client' | 'internal'
/** Names follow the semantic conventions of OpenTelemetry where these have one. */
export type SpanAttributes = Record<string, string | number | boolean | undefined>

/** How a span starts. Times are epoch ms; a `traceparent` names a span of any process. */
export interface SpanStart {
  name: string
  kind: SpanKind
  /** The span that it is part of; undefined: it begins a trace. */
  parent?: string | undefined
  /** The id of the trace that it begins; undefined: a random one. */
  traceId?: string
  /** Its own id; undefined: a random one. */
  spanId?: string
  /** Undefined: now. */
  at?: number | undefined
  attributes?: SpanAttributes
  /** Spans that it follows from. */
  links?: string[]
}

/** A span that is under way. It is exported when it ends, and not at all if it never does. */
export interface OpenSpan {
  /** For what is part of it: the value of a `traceparent` header. */
  readonly traceparent: string
  /** False where the sampler left it out: nothing inside it need be reported. */
  readonly isRecorded: boolean
  /** Only the first call counts. `error` is a stable code, as in `error.type`. */
  end(how?: { at?: number; name?: string; error?: string | undefined; attributes?: SpanAttributes }): void
}

/** Where spans go. Neither method throws. */
export interface Tracing {
  start(span: SpanStart): OpenSpan
  /** Exports what has ended, for a second at most. May be called twice. */
  stop(): Promise<void>
}

/** The variables that decide about traces. The SDK reads more of them from `process.env`. */
export interface TracingSettings {
  OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined
  OTEL_EXPORTER_OTLP_HEADERS?: string | undefined
  OTEL_EXPORTER_OTLP_PROTOCOL?: string | undefined
  OTEL_TRACES_SAMPLER?: string | undefined
  OTEL_TRACES_SAMPLER_ARG?: string | undefined
}
