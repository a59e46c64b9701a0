import { TextDecoder } from 'node:util'

/** Decodes as "decode" of the Encoding Standard: a byte order mark takes precedence, then `charset`, then UTF-8. Never throws: invalid bytes become U+FFFD. */
export function decodeText(bytes: Uint8Array, charset: string | undefined): string {
  return decoderFor(markedCharset(bytes) ?? charset ?? 'utf-8').decode(bytes)
}

/** An unknown charset is read as UTF-8. */
function decoderFor(label: string): TextDecoder {
  try {
    return new TextDecoder(label)
  } catch (error) {
    if (error instanceof RangeError) return new TextDecoder()
    throw error
  }
}

/** The charset of a byte order mark at the start. */
export function markedCharset(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  return undefined
}

/** Parses a `content-type` header: the media type in lower case (`''` if missing) and its charset. */
export function readContentType(header: string | null): { mediaType: string; charset: string | undefined } {
  const [mediaType = '', ...parameters] = (header ?? '').split(';')
  const charset = parameters.map((parameter) => /^\s*charset\s*=\s*"?([^\s"]+)/i.exec(parameter)?.[1]).find(Boolean)
  return { mediaType: mediaType.trim().toLowerCase(), charset }
}
