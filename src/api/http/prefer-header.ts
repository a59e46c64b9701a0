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
  return header === undefined ? undefined : preferencesOf(header).waitS
}

/** … and `return=minimal` or `return=representation`: how much of what it made a client wants to have back. */
export function preferredReturn(header: string | string[] | undefined): Preferences['return'] {
  return header === undefined ? undefined : preferencesOf(header).return
}

interface Preferences {
  waitS: number | undefined
  return: 'minimal' | 'representation' | undefined
}

/** Clients send few different headers, and a request looks at its own up to three times: to read one takes longer than to find it. */
const known = new Map<string, Preferences>()
const maxKnown = 100
const maxKnownLength = 100

function preferencesOf(header: string | string[]): Preferences {
  const text = Array.isArray(header) ? header.join(',') : header
  const before = known.get(text)
  if (before) return before
  const preferences = readPreferences(text)
  if (known.size < maxKnown && text.length <= maxKnownLength) known.set(text, preferences)
  return preferences
}

function readPreferences(text: string): Preferences {
  const digits = firstOf(text, /^\s*wait\s*=\s*(?:(\d+)|"(\d+)")\s*(?:;.*)?$/is)
  const word = firstOf(
    text,
    /^\s*return\s*=\s*(?:(minimal|representation)|"(minimal|representation)")\s*(?:;.*)?$/is,
  )?.toLowerCase()
  return {
    waitS: digits === undefined ? undefined : Math.min(Number(digits), maxWaitS),
    return: word === 'minimal' || word === 'representation' ? word : undefined,
  }
}

/** What the first preference says that matches: of several, the RFC says, it counts. */
function firstOf(text: string, pattern: RegExp): string | undefined {
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
