import type { FastifyReply } from 'fastify'

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
  const digits = preferred(header, /^\s*wait\s*=\s*(?:(\d+)|"(\d+)")\s*(?:;.*)?$/is)
  return digits === undefined ? undefined : Math.min(Number(digits), maxWaitS)
}

/** … and `return=minimal` or `return=representation`: how much of what it made a client wants to have back. */
export function preferredReturn(header: string | string[] | undefined): 'minimal' | 'representation' | undefined {
  const word = preferred(
    header,
    /^\s*return\s*=\s*(?:(minimal|representation)|"(minimal|representation)")\s*(?:;.*)?$/is,
  )
  if (word === undefined) return undefined
  return word.toLowerCase() === 'minimal' ? 'minimal' : 'representation'
}

/** What the first preference says that matches: of several, the RFC says, it counts. */
function preferred(header: string | string[] | undefined, pattern: RegExp): string | undefined {
  if (header === undefined) return undefined
  const text = Array.isArray(header) ? header.join(',') : header
  for (const [preference] of text.matchAll(element)) {
    const [, bare, quoted] = pattern.exec(preference) ?? []
    if (bare !== undefined || quoted !== undefined) return bare ?? quoted
  }
  return undefined
}

/** Adds a preference that was honored to the answer. */
export function applyPreference(reply: FastifyReply, preference: string): void {
  const before = reply.getHeader('preference-applied')
  reply.header('preference-applied', before === undefined ? preference : `${String(before)}, ${preference}`)
}
