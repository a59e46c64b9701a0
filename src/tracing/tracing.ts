import type { Logger } from 'pino'
import type { Tracing, TracingSettings } from './span.ts'

/**
 * Opens the export of traces; undefined unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set. Nothing of OpenTelemetry is loaded before that is
 * known: without traces a process pays neither time nor memory for it.
 */
export async function openTracing(
  role: 'api' | 'worker',
  settings: TracingSettings,
  log: Logger,
): Promise<Tracing | undefined> {
  const { OTEL_SDK_DISABLED: isDisabled, OTEL_TRACES_EXPORTER: exporter } = process.env
  if (settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return undefined
  if (isDisabled?.toLowerCase() === 'true' || exporter === 'none') return undefined
  const { startTracing } = await import('./open-telemetry.ts')
  return startTracing(role, settings, log)
}
