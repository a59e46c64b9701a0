/** The longest that a request may be held, in seconds. */
const longestWaitS = 60

/**
 * Reads `wait=N` out of a `Prefer` header (RFC 7240). Undefined when there is none or it makes no sense, which the RFC
 * says to ignore. More than {@link longestWaitS} counts as that.
 */
export function preferredWaitS(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined
  const text = Array.isArray(header) ? header.join(',') : header
  for (const preference of text.split(',')) {
    const [, digits] = /^\s*wait\s*=\s*"?(\d+)"?\s*(?:;.*)?$/i.exec(preference) ?? []
    // The first of several counts, says the RFC.
    if (digits !== undefined) return Math.min(Number(digits), longestWaitS)
  }
  return undefined
}
