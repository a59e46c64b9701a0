import { ExportResultCode } from '@opentelemetry/core'
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'
import { cutText } from '../jobs/cut-text.ts'

/** How often it is logged that spans are lost, while they are. */
const everyMs = 10_000
/** It is over when nothing was lost for this long: a queue that is too small loses some of many. */
const calmMs = 1000

type ExportCallback = Parameters<SpanExporter['export']>[1]

/**
 * The SDK's batch processor with its bounds (`OTEL_BSP_*`), whose losses are logged: one line when they begin, one every ten seconds with
 * the number of spans, one when they are over. A collector that is away costs traces, and nothing else.
 */
export class SpanQueue implements SpanProcessor {
  readonly #batches: BatchSpanProcessor
  readonly #exporter: SpanExporter
  readonly #log: Logger
  readonly #maxWaiting: number
  /** Ended, and not handed to the exporter yet. */
  #waiting = 0
  #lost = 0
  #lostInAll = 0
  #lostAt = 0
  #loggedAt: number | undefined

  constructor(exporter: SpanExporter, log: Logger) {
    this.#exporter = exporter
    this.#log = log
    this.#maxWaiting = numberFrom('OTEL_BSP_MAX_QUEUE_SIZE', 2048)
    this.#batches = new BatchSpanProcessor({
      maxQueueSize: this.#maxWaiting,
      maxExportBatchSize: Math.min(numberFrom('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512), this.#maxWaiting),
      scheduledDelayMillis: numberFrom('OTEL_BSP_SCHEDULE_DELAY', 5000),
      // Above the bound of the exporter, which reports why it failed.
      exportTimeoutMillis: Math.max(numberFrom('OTEL_BSP_EXPORT_TIMEOUT', 30_000), exporterTimeoutMs() + 1000),
      exporter: {
        export: (spans, done) => this.#export(spans, done),
        forceFlush: async () => exporter.forceFlush?.(),
        shutdown: () => exporter.shutdown(),
      },
    })
  }

  onStart(...[span, context]: Parameters<SpanProcessor['onStart']>): void {
    this.#batches.onStart(span, context)
  }

  onEnd(span: ReadableSpan): void {
    if (this.#waiting >= this.#maxWaiting)
      return this.#lose(1, 'more spans than can be exported: see OTEL_BSP_MAX_QUEUE_SIZE')
    this.#waiting += 1
    this.#batches.onEnd(span)
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush()
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown()
  }

  /** Reports success in any case: the SDK would print failures by itself. */
  #export(spans: ReadableSpan[], done: ExportCallback): void {
    this.#waiting -= spans.length
    this.#exporter.export(spans, ({ code, error }) => {
      if (code === ExportResultCode.SUCCESS) this.#recover()
      else this.#lose(spans.length, error?.message ?? 'unknown')
      done({ code: ExportResultCode.SUCCESS })
    })
  }

  #lose(count: number, reason: string): void {
    this.#lost += count
    this.#lostInAll += count
    const now = performance.now()
    this.#lostAt = now
    if (this.#loggedAt !== undefined && now - this.#loggedAt < everyMs) return
    this.#loggedAt = now
    this.#log.warn(
      { lost_spans: this.#lost, reason: cutText(reason, 200) },
      'failed to export traces; jobs are not affected',
    )
    this.#lost = 0
  }

  #recover(): void {
    if (this.#loggedAt === undefined || performance.now() - this.#lostAt < calmMs) return
    this.#loggedAt = undefined
    this.#log.info({ lost_spans: this.#lostInAll }, 'traces are exported again')
    this.#lost = 0
    this.#lostInAll = 0
  }
}

function exporterTimeoutMs(): number {
  return numberFrom('OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', numberFrom('OTEL_EXPORTER_OTLP_TIMEOUT', 10_000))
}

function numberFrom(variable: string, otherwise: number): number {
  const value = Number(process.env[variable] || Number.NaN)
  return Number.isFinite(value) && value > 0 ? value : otherwise
}
