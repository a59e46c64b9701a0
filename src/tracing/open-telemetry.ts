import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Attributes,
  type HrTime,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { type IdGenerator, RandomIdGenerator, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'
import { version } from '../version.ts'
import { samplerOf } from './sampler.ts'
import type { OpenSpan, SpanAttributes, SpanStart, Tracing, TracingSettings } from './span.ts'
import { SpanQueue } from './span-queue.ts'

const stopWithinMs = 1000

const kinds = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
}

/** Sets up the SDK for one process. It sets none of OpenTelemetry's globals: these belong to the handlers. */
export async function startTracing(role: 'api' | 'worker', settings: TracingSettings, log: Logger): Promise<Tracing> {
  const ids = new ChosenIds()
  const queue = new SpanQueue(await createExporter(settings), log)
  const own = { 'service.name': `drover-${role}`, 'service.version': version, 'service.instance.id': randomUUID() }
  const given = detectResources({ detectors: [envDetector] })
  const provider = new TracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(own)).merge(given),
    sampler: samplerOf(settings),
    spanProcessors: [queue],
    idGenerator: ids,
  })
  const tracer = provider.getTracer('drover', version)
  let stopped: Promise<void> | undefined
  const stop = async () => {
    const timer = new AbortController()
    try {
      await Promise.race([provider.shutdown(), sleep(stopWithinMs, undefined, { signal: timer.signal })])
    } catch (error) {
      log.warn({ err: error }, 'failed to export the last traces; jobs are not affected')
    } finally {
      timer.abort()
    }
  }
  return {
    start: (span) => startSpan(tracer, ids, span),
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

async function createExporter({
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_HEADERS: headers,
}: TracingSettings): Promise<SpanExporter> {
  // It may have come from a file; the exporter looks only here.
  if (headers !== undefined) process.env['OTEL_EXPORTER_OTLP_HEADERS'] = headers
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter()
}

/** Lets a span have the ids that another process knows, too. */
class ChosenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator()
  #next: { traceId?: string; spanId?: string } = {}

  choose({ traceId, spanId }: { traceId?: string; spanId?: string }): void {
    this.#next = { ...(traceId !== undefined && { traceId }), ...(spanId !== undefined && { spanId }) }
  }

  generateTraceId(): string {
    return this.#next.traceId ?? this.#random.generateTraceId()
  }

  generateSpanId(): string {
    return this.#next.spanId ?? this.#random.generateSpanId()
  }
}

function startSpan(tracer: Tracer, ids: ChosenIds, start: SpanStart): OpenSpan {
  const { name, kind, parent, at, attributes = {}, links = [] } = start
  const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, contextOf(parent))
  ids.choose(start)
  const span = tracer.startSpan(
    name,
    {
      kind: kinds[kind],
      startTime: timeOf(at),
      attributes: defined(attributes),
      links: links.map((link): Link => ({ context: contextOf(link) })),
    },
    context,
  )
  ids.choose({})
  const { traceId, spanId, traceFlags } = span.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    isRecorded: span.isRecording(),
    end: (how) => endSpan(span, how),
  }
}

function endSpan(span: Span, { at, name, error, attributes = {} }: Parameters<OpenSpan['end']>[0] = {}): void {
  if (!span.isRecording()) return
  if (name !== undefined) span.updateName(name)
  span.setAttributes(defined(attributes))
  if (error !== undefined) {
    span.setAttribute('error.type', error)
    span.setStatus({ code: SpanStatusCode.ERROR, message: error })
  }
  span.end(timeOf(at))
}

function contextOf(traceparent: string) {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-')
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
}

/** As seconds and nanoseconds: of a number the SDK guesses which clock it is of. */
function timeOf(ms = performance.timeOrigin + performance.now()): HrTime {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}

function defined(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}
