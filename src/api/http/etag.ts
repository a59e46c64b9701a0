import { createHash } from 'node:crypto'

/** An element of an `If-Match` or `If-None-Match` header. `isAny`: `*`. */
interface EntityTag {
  isAny: boolean
  isWeak: boolean
  /** As it was sent, without a mark that it is weak. */
  tag: string
  /** Without its quotes, and without the suffix of a compressed representation. */
  text: string
}

/** What a compressed representation has at the end of its tag: the bytes differ. */
const codingSuffix = /;(gzip|br)$/

/** A strong entity tag (https://www.rfc-editor.org/rfc/rfc9110#name-etag) of some content. */
export function etagOf(content: string | Buffer): string {
  return `"${createHash('sha1').update(content).digest('base64url')}"`
}

/** The tag of the same content in a content coding. */
export function codedEtag(etag: string, coding: 'gzip' | 'br'): string {
  return etag.replace(/"$/, `;${coding}"`)
}

/** A list element: no comma in it but within quotes. No part of it can fail late, so the time is linear. */
const element = /(?:[^",]|"[^"]*"?)+/g

/** The tags of a header. What is malformed is left out. */
export function entityTags(header: string): EntityTag[] {
  return (header.match(element) ?? []).flatMap((part) => {
    const found = /^(?:(\*)|(W\/)?"([^"]*)")$/.exec(part.trim())
    if (!found) return []
    const [, any, weak, text = ''] = found
    const [isAny, isWeak] = [any !== undefined, weak !== undefined]
    return [{ isAny, isWeak, tag: `"${text}"`, text: text.replace(codingSuffix, '') }]
  })
}

/**
 * The tag by which an If-None-Match header (https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match) names `etag`, compressed or not, as
 * the answer 304 has it; undefined where it does not.
 */
export function knownTag(header: string | undefined, etag: string): string | undefined {
  if (header === undefined) return undefined
  const known = entityTags(header).find(({ isAny, text }) => isAny || `"${text}"` === etag)
  return known?.isAny === true ? etag : known?.tag
}
