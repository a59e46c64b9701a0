/** What a `Content-Type` header says of a body. */
export interface ContentType {
  /** In lower case and without parameters; `''` if the header is missing or malformed. */
  mediaType: string
  charset: string | undefined
}

/**
 * Parses a `Content-Type` header as browsers do ("extract a MIME type" of the Fetch standard). If a server sends several, the last valid
 * one counts, and inherits the charset of an earlier one of the same media type.
 */
export async function readContentType(header: string | null): Promise<ContentType> {
  const { MIMEType } = await import('whatwg-mimetype')
  let found: ContentType = { mediaType: '', charset: undefined }
  for (const value of splitHeader(header ?? '')) {
    const parsed = MIMEType.parse(value)
    if (parsed === null || parsed.essence === '*/*') continue
    const inherited = parsed.essence === found.mediaType ? found.charset : undefined
    found = { mediaType: parsed.essence, charset: parsed.parameters.get('charset') ?? inherited }
  }
  return found
}

/** The values of a header that was sent several times: separated by commas, except within quotes. */
function splitHeader(header: string): string[] {
  return header.match(/(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g) ?? []
}
