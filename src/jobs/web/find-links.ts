import { decodeText } from './decode-text.ts'
import { type HtmlScan, scanHtml } from './scan-html.ts'
import { takeTurn } from './turns.ts'

/** A page as it was received. */
export interface Page {
  bytes: Uint8Array
  /** The address that it came from, after redirects. */
  url: string
  /** Of the `Content-Type` header. */
  charset: string | undefined
  isXml: boolean
}

/**
 * The hyperlinks of an HTML document (`a` and `area`) as browsers resolve them: absolute, http(s) only, without fragment, each once, in
 * document order.
 *
 * Relative ones are resolved against the first `<base href>`, else against the address of the page. The encoding comes from a byte order
 * mark, the header, a `meta` or the XML declaration, in this order, else it is UTF-8; the query of a link is encoded in it, as its
 * server expects.
 *
 * @throws the signal's reason when it is aborted
 */
export async function findLinks(page: Page, signal: AbortSignal): Promise<string[]> {
  const { scan, encoding } = await readPage(page, signal)
  const resolverFor = await createResolvers(encoding)
  const base = (scan.baseHref === undefined ? undefined : resolverFor(page.url)(scan.baseHref)) ?? page.url
  const resolve = resolverFor(base)
  const links = new Set<string>()
  let until = await takeTurn(signal)
  for (const href of scan.hrefs) {
    if (performance.now() > until) until = await takeTurn(signal)
    const link = resolve(href)
    if (link !== undefined) links.add(link)
  }
  return [...links]
}

/** A page whose encoding is not declared at its start is read as UTF-8, and once more when a later `meta` declares another. */
async function readPage(page: Page, signal: AbortSignal): Promise<{ scan: HtmlScan; encoding: string }> {
  const { default: sniff } = await import('html-encoding-sniffer')
  const { labelToName } = await import('@exodus/bytes/encoding.js')
  const { bytes, charset, isXml } = page
  const transport = charset === undefined ? {} : { transportLayerEncodingLabel: charset }
  const sniffed = sniff(bytes, { ...transport, xml: isXml, defaultEncoding: undeclared })
  const encoding = sniffed === undeclared ? 'UTF-8' : sniffed
  const scan = await scanHtml(await decodeText(bytes, encoding, signal), signal)
  if (sniffed !== undeclared || isXml) return { scan, encoding }
  const declared = labelToName(scan.charset ?? '')
  // A tag that could be read as UTF-8 is not in UTF-16.
  if (declared === null || declared.startsWith('UTF-')) return { scan, encoding }
  const legacy = declared === 'x-user-defined' ? 'windows-1252' : declared
  return { scan: await scanHtml(await decodeText(bytes, legacy, signal), signal), encoding: legacy }
}

/** No name of an encoding. */
const undeclared = ''

/** Resolves an `href` as "encoding-parse a URL" of the HTML Standard, without the fragment; undefined if the URL is not http(s). */
type Resolve = (href: string) => string | undefined

async function createResolvers(encoding: string): Promise<(base: string) => Resolve> {
  const resolverOfNode = (base: string) => (href: string) => {
    const url = URL.parse(href, base)
    if (!url || !/^https?:$/.test(url.protocol)) return undefined
    url.hash = ''
    return url.href
  }
  if (encoding.startsWith('UTF-') || encoding === 'replacement') return resolverOfNode

  const { parseURL, serializeURL } = await import('whatwg-url')
  return (base) => {
    const ofNode = resolverOfNode(base)
    const baseURL = parseURL(base)
    return (href) => {
      // The encoding matters only for other characters, and the parser of Node.js is ten times as fast.
      if (isAscii(href)) return ofNode(href)
      const url = parseURL(href, { baseURL, encoding })
      return url && /^https?$/.test(url.scheme) ? serializeURL(url, true) : undefined
    }
  }
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length
}
