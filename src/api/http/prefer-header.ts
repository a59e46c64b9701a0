/** The longest that a request may be held, in seconds: common proxies give up after 60. */
export const maxWaitS = 50

/**
 * A list element: no comma in it but within a quoted string, where a backslash escapes. An open quote hides the rest, also one that
 * ends with a backslash: no part of it can fail late, so the time is linear.
 */
const element = /(?:"(?:\\.|[^"\\])*(?:"|\\?$)|[^",])+/gs

/**
 * Reads `wait=N` from a `Prefer` header (https://www.rfc-editor.org/rfc/rfc7240). Undefined when there is none or it is malformed,
 * which the RFC says to ignore. Capped at {@link maxWaitS}.
 */
export function preferredWaitS(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined
  const text = Array.isArray(header) ? header.join(',') : header
  for (const [preference] of text.matchAll(element)) {
    const [, bare, quoted] = /^\s*wait\s*=\s*(?:(\d+)|"(\d+)")\s*(?:;.*)?$/is.exec(preference) ?? []
    const digits = bare ?? quoted
    // The RFC: of several, the first counts.
    if (digits !== undefined) return Math.min(Number(digits), maxWaitS)
  }
  return undefined
}
