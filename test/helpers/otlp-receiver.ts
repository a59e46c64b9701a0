import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { serve } from './local-site.ts'
import { waitFor } from './wait-for.ts'

const valueSchema = z
  .object({ stringValue: z.string(), intValue: z.union([z.string(), z.number()]), boolValue: z.boolean() })
  .partial()
const attributesSchema = z
  .array(z.object({ key: z.string(), value: valueSchema }))
  .default([])
  .transform((list) =>
    Object.fromEntries(list.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? value.boolValue])),
  )
const linkSchema = z.object({ traceId: z.string(), spanId: z.string() })
const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.int(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: attributesSchema,
  links: z.array(linkSchema).default([]),
  status: z.object({ code: z.int().default(0) }).default({ code: 0 }),
})
const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
})

/** A span as it was exported, with the `service.name` of its process. */
export type ExportedSpan = z.output<typeof spanSchema> & { service: unknown }

export interface OtlpReceiver {
  url: string
  spans: ExportedSpan[]
  /** Of each export. */
  headers: Record<string, unknown>[]
  /** Resolves to the spans of a trace once `accept` holds for them. */
  trace(traceId: string, accept: (spans: ExportedSpan[]) => boolean): Promise<ExportedSpan[]>
}

/** A receiver of OTLP by HTTP, as JSON, that is closed after its test. */
export async function receiveOtlp(): Promise<OtlpReceiver> {
  const spans: ExportedSpan[] = []
  const headers: OtlpReceiver['headers'] = []
  const receive = async (request: IncomingMessage) => {
    const { resourceSpans } = exportSchema.parse(JSON.parse(await text(request)))
    headers.push({ ...request.headers, url: request.url })
    for (const { resource, scopeSpans } of resourceSpans)
      for (const { spans: received } of scopeSpans)
        spans.push(...received.map((span) => ({ ...span, service: resource.attributes['service.name'] })))
  }
  const site = await serve((request, response) => {
    void receive(request).then(() => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
  })
  return {
    url: site.url,
    spans,
    headers,
    trace: (traceId, accept) =>
      waitFor(`the spans of ${traceId}`, () => spans.filter((span) => span.traceId === traceId), accept, {
        withinMs: 60_000,
      }),
  }
}

/** A trace as text: each span below its parent, in the order of their starts. Spans without a parent here are roots. */
export function treeOf(spans: ExportedSpan[]): string[] {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const below = (parent: string | undefined, depth: number): string[] =>
    spans
      .filter(({ parentSpanId: id }) => (parent === undefined ? id === undefined || !ids.has(id) : id === parent))
      .toSorted((a, b) => (a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1) || a.name.localeCompare(b.name))
      .flatMap((span) => [`${'  '.repeat(depth)}${span.name}`, ...below(span.spanId, depth + 1)])
  return below(undefined, 0)
}
