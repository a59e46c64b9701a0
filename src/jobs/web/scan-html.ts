import { takeTurn } from './turns.ts'

/** A longer URL is no link that anybody follows, and would take long to parse. */
const maxHrefLength = 32_768
/** Characters that are tokenized at a stretch: less than 1 ms. */
const sliceLength = 16 * 1024

/** What the start tags of an HTML document say. */
export interface HtmlScan {
  /** The `href` of each `a` and `area`, each once, in document order. */
  hrefs: Set<string>
  /** The `href` of the first `base` that has one. */
  baseHref: string | undefined
  /** The encoding that a `meta` declares first. */
  charset: string | undefined
}

/**
 * Reads the start tags of an HTML document. It keeps no stack of open elements: none of this depends on what is open, and the stack of a
 * parser takes quadratic time on a page of elements that never end.
 *
 * @throws the signal's reason when it is aborted
 */
export async function scanHtml(html: string, signal: AbortSignal): Promise<HtmlScan> {
  const { Tokenizer } = await import('htmlparser2')
  const scan: HtmlScan = { hrefs: new Set(), baseHref: undefined, charset: undefined }
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    tagReader(html, (tag) => note(scan, tag)),
  )
  let until = await takeTurn(signal)
  for (let at = 0; at < html.length; at += sliceLength) {
    if (performance.now() > until) until = await takeTurn(signal)
    tokenizer.write(html.slice(at, at + sliceLength))
  }
  tokenizer.end()
  return scan
}

type TokenizerCallbacks = ConstructorParameters<typeof import('htmlparser2').Tokenizer>[1]

interface StartTag {
  name: string
  attributes: Map<string, string>
}

const tagNames = new Set(['a', 'area', 'base', 'meta'])
const attributeNames = new Set(['href', 'charset', 'content', 'http-equiv'])

/** Callbacks that collect the start tags that matter. */
function tagReader(html: string, onTag: (tag: StartTag) => void): TokenizerCallbacks {
  let tag: StartTag | undefined
  let attribute: string | undefined
  let value = ''
  const nameAt = (start: number, end: number, names: ReadonlySet<string>) => {
    const name = end - start > 16 ? '' : html.slice(start, end).toLowerCase()
    return names.has(name) ? name : undefined
  }
  const append = (text: string) => {
    if (attribute !== undefined && value.length <= maxHrefLength) value += text
  }
  const end = () => {
    if (tag) onTag(tag)
    tag = undefined
  }
  const ignore = () => {}
  return {
    onopentagname(start, endIndex) {
      const name = nameAt(start, endIndex, tagNames)
      tag = name === undefined ? undefined : { name, attributes: new Map() }
    },
    onattribname(start, endIndex) {
      attribute = tag && nameAt(start, endIndex, attributeNames)
      value = ''
    },
    onattribdata: (start, endIndex) => append(html.slice(start, Math.min(endIndex, start + maxHrefLength + 1))),
    onattribentity: (codePoint) => append(String.fromCodePoint(codePoint)),
    onattribend() {
      // Of several attributes of one name the first counts.
      if (tag && attribute !== undefined && !tag.attributes.has(attribute)) tag.attributes.set(attribute, value)
      attribute = undefined
    },
    onopentagend: end,
    onselfclosingtag: end,
    ...{ onclosetag: ignore, ontext: ignore, ontextentity: ignore, oncomment: ignore, oncdata: ignore },
    ...{ ondeclaration: ignore, onprocessinginstruction: ignore, onend: ignore },
  }
}

function note(scan: HtmlScan, { name, attributes }: StartTag): void {
  const href = attributes.get('href')
  if (name === 'meta') scan.charset ??= declaredCharset(attributes)
  else if (href === undefined || href.length > maxHrefLength) return
  else if (name === 'base') scan.baseHref ??= href
  else scan.hrefs.add(href)
}

/** `<meta charset>` or its older form with `http-equiv`. */
function declaredCharset(attributes: ReadonlyMap<string, string>): string | undefined {
  const isContentType = attributes.get('http-equiv')?.toLowerCase() === 'content-type'
  const content = isContentType ? (attributes.get('content') ?? '') : ''
  return attributes.get('charset') ?? /charset\s*=\s*["']?([^\s"';]+)/i.exec(content)?.[1]
}
