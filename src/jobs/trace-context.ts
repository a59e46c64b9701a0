import { randomBytes } from 'node:crypto'

/** `traceparent` of W3C Trace Context (https://www.w3.org/TR/trace-context/#traceparent-header). Later versions may append fields. */
const pattern = /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
/** Sampled, and random trace id. What else a caller has set means nothing to this version, and is not passed on. */
const knownFlags = 0b11

/** The trace context of a request, as version 00; undefined where it has none. A malformed one is ignored, as the standard asks. */
export function readTraceparent(header: unknown): string | undefined {
  const [, version, traceId, parentId, flags = '00', rest] = (typeof header === 'string' && pattern.exec(header)) || []
  if (traceId === undefined || (version === '00' && rest !== undefined)) return undefined
  return `00-${traceId}-${parentId}-${flags}`
}

/** The id of the trace that a {@link readTraceparent} belongs to. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35)
}

/** … and the id of the span that it names. */
export function spanIdOf(traceparent: string): string {
  return traceparent.slice(36, 52)
}

/** The trace context of a request that is sent on behalf of `traceparent`: the same trace, with a parent id of its own. */
export function childTraceparent(traceparent: string): string {
  const [, traceId, , flags = '00'] = traceparent.split('-')
  const passedOn = (Number.parseInt(flags, 16) & knownFlags).toString(16).padStart(2, '0')
  return `00-${traceId}-${newParentId()}-${passedOn}`
}

/** 16 hexadecimal digits that are not all 0. */
function newParentId(): string {
  const id = randomBytes(8).toString('hex')
  return id === '0'.repeat(16) ? newParentId() : id
}
