import { createHash } from 'node:crypto'

/** A strong entity tag (https://www.rfc-editor.org/rfc/rfc9110#name-etag) of some content. */
export function etagOf(content: string | Buffer): string {
  return `"${createHash('sha1').update(content).digest('base64url')}"`
}

/** Whether an If-None-Match header has the tag. https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match */
export function isKnown(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}
