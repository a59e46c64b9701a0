/** A span inside an attempt that has ended: `job.span`, or a request of `job.fetch`. Plain data, which threads and processes send. */
export interface HandlerSpan {
  name: string
  kind: 'internal' | 'client'
  /** 16 hexadecimal digits. */
  spanId: string
  parentId: string
  /** Epoch ms, with fractions. */
  startedAt: number
  endedAt: number
  attributes: Record<string, string | number | boolean>
  /** A stable code; undefined: it has succeeded. */
  error?: string | undefined
}

/** Receives the spans of a running handler. Neither throws nor waits. */
export type EmitSpan = (span: HandlerSpan) => void
