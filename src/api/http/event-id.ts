import { Problem } from './problem.ts'

/**
 * The id of the last event that a client has, from where its stream resumes: the query's `after`, or else the `Last-Event-ID` header,
 * which browsers set by themselves. A header that is no id of ours is ignored.
 *
 * @throws Problem when `after` is no id
 */
export function lastEventId(after: string | undefined, header: string | string[] | undefined): number | undefined {
  if (after === undefined) return isEventId(header) ? Number(header) : undefined
  if (isEventId(after)) return Number(after)
  const detail = 'must be the id of an event of this stream'
  throw new Problem('invalid_request', `after: ${detail}`, { mistakes: [{ pointer: 'after', detail }] })
}

function isEventId(text: unknown): text is string {
  return typeof text === 'string' && /^\d{1,15}$/.test(text)
}
