import { decodeText, markedCharset } from './decode-text.ts'

/** Where the HTML Standard looks for the charset that a document declares of itself. */
const prescanBytes = 1024

/** About 1 ms of parsing; between two of these other jobs get their turn. */
const sliceLength = 64 * 1024

/**
 * The hyperlinks of an HTML document (`a` and `area`): absolute, http(s) only, without fragment, each once, in document order.
 *
 * Relative ones are resolved against the first `<base href>`, else against `url`, the document's own. The charset comes from a byte
 * order mark, `charset` (of the HTTP header), `<meta>`, in this order, else it is UTF-8.
 */
export async function findLinks(
  bytes: Uint8Array,
  { url, charset, signal }: { url: string; charset: string | undefined; signal: AbortSignal },
): Promise<string[]> {
  const { Parser } = await import('htmlparser2')
  const html = decodeText(bytes, markedCharset(bytes) ?? charset ?? declaredCharset(bytes, Parser))

  const hrefs: string[] = []
  let baseHref: string | undefined
  const parser = new Parser({
    onopentag(name, { href }) {
      if (href === undefined) return
      if (name === 'a' || name === 'area') hrefs.push(href)
      else if (name === 'base') baseHref ??= href
    },
  })
  for (let at = 0; at < html.length; at += sliceLength) {
    if (at > 0) await breathe(signal)
    parser.write(html.slice(at, at + sliceLength))
  }
  parser.end()

  const base = (baseHref === undefined ? null : httpUrl(baseHref, url))?.href ?? url
  const links = new Set<string>()
  for (const href of hrefs) {
    const link = httpUrl(href, base)
    if (!link) continue
    link.hash = ''
    links.add(link.href)
  }
  return [...links]
}

async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
  signal.throwIfAborted()
}

function httpUrl(href: string, base: string): URL | null {
  const url = URL.parse(href, base)
  return url && /^https?:$/.test(url.protocol) ? url : null
}

/** `<meta charset>` or its older form with `http-equiv`; UTF-16 cannot be what a readable ASCII tag says, so that means UTF-8. */
function declaredCharset(bytes: Uint8Array, Parser: typeof import('htmlparser2').Parser): string | undefined {
  let declared: string | undefined
  const parser = new Parser({
    onopentag(name, { charset, content, 'http-equiv': equiv }) {
      if (name !== 'meta') return
      const named =
        equiv?.toLowerCase() === 'content-type' ? /charset\s*=\s*["']?([^\s"';]+)/i.exec(content ?? '')?.[1] : undefined
      declared ??= charset ?? named
    },
  })
  parser.end(new TextDecoder('latin1').decode(bytes.subarray(0, prescanBytes)))
  return declared === undefined || /^utf-?16/i.test(declared) ? undefined : declared
}
