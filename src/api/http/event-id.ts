/** The ids of events, in decimal. */
export const eventIdPattern = /^\d{1,15}$/

/**
 * The id of the last event that a client has, from where its stream resumes: the query's `after`, or the `Last-Event-ID` header, which
 * browsers set by themselves when they reconnect to the same URL, so that the later of the two counts. A header that is no id of ours
 * is ignored.
 */
export function lastEventId(after: string | undefined, header: string | string[] | undefined): number | undefined {
  const ids = [after, header].filter((text) => typeof text === 'string' && eventIdPattern.test(text)).map(Number)
  return ids.length > 0 ? Math.max(...ids) : undefined
}
