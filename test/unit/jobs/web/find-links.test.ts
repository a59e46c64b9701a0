import { describe, expect, test } from 'vitest'
import { readContentType } from '../../../../src/jobs/web/content-type.ts'
import { findLinks } from '../../../../src/jobs/web/find-links.ts'

const url = 'http://site.test/dir/page'

/** `{日本}`, for example, stands for the bytes of that text in Shift_JIS. */
const shiftJis: Record<string, number[]> = { '{日本}': [0x93, 0xfa, 0x96, 0x7b], '{ж}': [0xe6] }

function bytesOf(html: string): Buffer {
  const pieces = html.split(/(\{[^}]*\})/)
  return Buffer.concat(pieces.map((piece) => Buffer.from(shiftJis[piece] ?? Buffer.from(piece, 'latin1'))))
}

async function linksOf(html: string, options: { charset?: string; isXml?: boolean } = {}): Promise<string[]> {
  const { charset, isXml = false } = options
  return findLinks({ bytes: bytesOf(html), url, charset, isXml }, new AbortController().signal)
}

describe('the query of a link is encoded in the encoding of the page', () => {
  test.each([
    ['the header', '<a href="?q={日本}&x=1">', { charset: 'shift_jis' }, '?q=%93%FA%96{&x=1'],
    ['a meta', '<meta charset=x-sjis><a href="?q={日本}">', {}, '?q=%93%FA%96{'],
    ['windows-1251', '<a href="?q={ж}">', { charset: 'windows-1251' }, '?q=%E6'],
    ['a character that it lacks', '<a href="?q=&#26085;">', { charset: 'windows-1251' }, '?q=%26%2326085%3B'],
    ['UTF-8', '<a href="?q=\u00d0\u00b6">', {}, '?q=%D0%B6'],
  ])('%s', async (_name, html, options, query) => {
    expect(await linksOf(html, options)).toEqual([`http://site.test/dir/page${query}`])
  })

  test('its path and its host in UTF-8', async () => {
    expect(await linksOf('<a href="/{ж}?{ж}"><a href="//{ж}.test/">', { charset: 'windows-1251' })).toEqual([
      'http://site.test/%D0%B6?%E6',
      'http://xn--f1a.test/',
    ])
  })

  test('a base as well', async () => {
    expect(await linksOf('<base href="/{ж}/"><a href="{ж}"><a href="x">', { charset: 'windows-1251' })).toEqual([
      'http://site.test/%D0%B6/%D0%B6',
      'http://site.test/%D0%B6/x',
    ])
  })
})

describe('the encoding is declared by', () => {
  const link = '<a href="?{ж}">'
  const declared = ['http://site.test/dir/page?%E6']

  test.each([
    ['an XML declaration', `<?xml version="1.0" encoding="windows-1251"?>${link}`, {}],
    ['an XML declaration of XHTML', `<?xml version="1.0" encoding="windows-1251"?>${link}`, { isXml: true }],
    ['a late meta', `${'<p>'.repeat(5000)}<meta charset="windows-1251">${link}`, {}],
    ['a late meta after links', `${'<p>'.repeat(5000)}${link}<meta charset="windows-1251">`, {}],
    ['a meta that follows one in a comment', `<!-- <meta charset=utf-8> --><meta charset=windows-1251>${link}`, {}],
    [
      'a late meta that follows one in a script',
      `${'<p>'.repeat(5000)}<script>'<meta charset=koi8-r>'</script><meta charset=windows-1251>${link}`,
      {},
    ],
    ['the header before a meta', `<meta charset="koi8-r">${link}`, { charset: 'windows-1251' }],
  ])('%s', async (_name, html, options) => {
    expect(await linksOf(html, options)).toEqual(declared)
  })
})

test.each([
  ['text/html', 'text/html', undefined],
  ['Text/HTML; Charset="Shift_JIS"; x=y', 'text/html', 'Shift_JIS'],
  ['text/html;charset=koi8-r, text/html', 'text/html', 'koi8-r'],
  ['text/html;charset=koi8-r, text/html;charset=utf-8', 'text/html', 'utf-8'],
  ['text/html;charset=koi8-r, text/plain', 'text/plain', undefined],
  ['text/html;charset=koi8-r, */*', 'text/html', 'koi8-r'],
  ['text/html;charset=koi8-r, nonsense', 'text/html', 'koi8-r'],
  ['text/html;charset="a,b"', 'text/html', 'a,b'],
  ['nonsense', '', undefined],
  [null, '', undefined],
])('the Content-Type %j is read as browsers do', async (header, mediaType, charset) => {
  expect(await readContentType(header)).toEqual({ mediaType, charset })
})

describe('a hostile page', () => {
  /** CPU time of the longest iteration of the event loop, in ms: unlike its duration it is the same on a busy machine. */
  async function longestHold(work: () => Promise<unknown>): Promise<number> {
    let longest = 0
    let isOver = false
    let before = process.threadCpuUsage()
    const tick = () => {
      const { user, system } = process.threadCpuUsage(before)
      longest = Math.max(longest, (user + system) / 1000)
      before = process.threadCpuUsage()
      if (!isOver) setImmediate(tick)
    }
    tick()
    await work()
    isOver = true
    await new Promise((resolve) => setImmediate(resolve))
    return longest
  }

  /** A turn is 10 ms. Garbage collection and a busy machine are allowed for. */
  const maxHoldMs = 100
  const megabytes = (piece: string) => piece.repeat(Math.floor(4_000_000 / piece.length))

  test.each([
    ['links that never end', megabytes('<a href="/p">'), 1],
    ['elements that never end', megabytes('<b>'), 0],
    ['attributes', `<a ${megabytes('href=/p ')}>`, 1],
    ['one endless link', `<a href="${megabytes('x')}">`, 0],
    ['entities', `<a href="${megabytes('&amp;')}">`, 0],
    ['brackets', megabytes('<'), 0],
    ['a comment that never ends', `<!--${megabytes('-')}`, 0],
  ])('does not hold the event loop: %s', async (_name, html, count) => {
    // The libraries are loaded once.
    await linksOf('')
    let links: string[] = []
    const held = await longestHold(async () => {
      links = await linksOf(html)
    })
    expect(links.length).toBe(count)
    expect(held).toBeLessThan(maxHoldMs)
  })

  test('shares the event loop with others of its kind', async () => {
    const page = { bytes: Buffer.from(megabytes('<a href="/p">')), url, charset: undefined, isXml: false }
    const find = () => findLinks(page, new AbortController().signal)
    const held = await longestHold(() => Promise.all(Array.from({ length: 10 }, find)))
    expect(held).toBeLessThan(maxHoldMs)
  })

  test('is given up when its job is aborted', async () => {
    const abort = new AbortController()
    const page = { bytes: Buffer.from(megabytes('<b>')), url, charset: undefined, isXml: false }
    const finding = findLinks(page, abort.signal)
    abort.abort(new Error('aborted'))
    await expect(finding).rejects.toThrow('aborted')
  })
})
