import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import extractLinks from '../../../src/jobs/catalog/extract-links.ts'
import { runJob, startJob } from '../../helpers/job-context.ts'
import { serve } from '../../helpers/local-site.ts'

const html = { 'content-type': 'text/html; charset=utf-8' }

async function serveHtml(body: string | Buffer, headers: Record<string, string> = html) {
  return serve((_request, response) => response.writeHead(200, headers).end(body))
}

/** The only page of a job over one URL. */
async function readOne(url: string): Promise<unknown> {
  const output = extractLinks.output.parse(await runJob(extractLinks, { urls: [url] }))
  return Object(output)['pages'][0]
}

describe('the links of a page', () => {
  test('are absolute, without fragment, each once, in document order', async () => {
    const site = await serveHtml(`
      <a href="/b">b</a> <A HREF='a#top'>a</A> <a href=/b#x>b again</a> <map><area href="c"></map>
      <a href="  http://Example.com:80/x?a=1&amp;b=2  ">away</a> <a href="//example.org">same scheme</a> <a href="?q">query</a>`)
    expect(await readOne(`${site.url}/dir/page`)).toEqual({
      url: `${site.url}/dir/page`,
      status: 200,
      links: [
        `${site.url}/b`,
        `${site.url}/dir/a`,
        `${site.url}/dir/c`,
        'http://example.com/x?a=1&b=2',
        'http://example.org/',
        `${site.url}/dir/page?q`,
      ],
      error: null,
    })
  })

  test('are only what a browser would follow', async () => {
    const site = await serveHtml(`
      <!-- <a href="/comment"> --> <script>"<a href='/script'>"</script> <style><a href="/style"></style>
      <textarea><a href="/textarea"></textarea> <title><a href="/title"></title> <p title='<a href="/attribute">'>
      <a href="mailto:a@example.com"> <a href="javascript:void 0"> <a href="ftp://example.com/"> <a href="http://["> <a>
      <a data-href="/data"> <link href="/link"> <img src="/img"> <a href="/real">real`)
    expect(await readOne(site.url)).toMatchObject({ links: [`${site.url}/real`] })
  })

  test('are resolved against the first base, wherever it is', async () => {
    const site = await serveHtml(
      '<a href="x">x</a><base target="_top"><base href="/base/"><base href="/other/"><a href="y">y</a>',
    )
    expect(await readOne(`${site.url}/dir/`)).toMatchObject({ links: [`${site.url}/base/x`, `${site.url}/base/y`] })
  })

  test('are resolved against the final URL after a redirect', async () => {
    const site = await serve((request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: '/far/away/' }).end()
      else response.writeHead(200, html).end('<a href="x">')
    })
    expect(await readOne(`${site.url}/start`)).toMatchObject({
      url: `${site.url}/start`,
      status: 200,
      links: [`${site.url}/far/away/x`],
    })
  })

  test.each([
    ['the header', { 'content-type': 'text/html; charset=windows-1251' }, Buffer.from([0xe6]), ''],
    ['a meta tag', { 'content-type': 'text/html' }, Buffer.from([0xe6]), '<meta charset="windows-1251">'],
    [
      'an older meta tag',
      { 'content-type': 'text/html' },
      Buffer.from([0xe6]),
      '<META http-equiv="Content-Type" content="text/html; charset=windows-1251">',
    ],
    ['nothing, which means UTF-8', { 'content-type': 'text/html' }, Buffer.from('ж'), ''],
    ['the header against a meta tag', html, Buffer.from('ж'), '<meta charset="windows-1251">'],
    ['a meta tag that cannot be right', { 'content-type': 'text/html' }, Buffer.from('ж'), '<meta charset="utf-16">'],
  ])('are read in the charset of %s', async (_what, headers, letter, head) => {
    const site = await serveHtml(Buffer.concat([Buffer.from(`${head}<a href="/`), letter, Buffer.from('">')]), headers)
    expect(await readOne(site.url)).toMatchObject({ links: [`${site.url}/%D0%B6`] })
  })

  test('are read behind a byte order mark', async () => {
    const site = await serveHtml(Buffer.from('\ufeff<a href="/ж">', 'utf16le'), {
      'content-type': 'text/html; charset=utf-8',
    })
    expect(await readOne(site.url)).toMatchObject({ links: [`${site.url}/%D0%B6`] })
  })

  test('are found in a page of several megabytes, wherever chunk borders fall', async () => {
    const links = Array.from({ length: 60_000 }, (_, index) => `/page/${index}`)
    const site = await serveHtml(
      links.map((link) => `<p><a class="long enough to be cut" href="${link}">link</a></p>`).join(''),
    )
    expect(await readOne(site.url)).toMatchObject({ links: links.map((link) => site.url + link), error: null })
  })
})

describe('a bad page', () => {
  test('has an error, and the others are read', async () => {
    const zeros = gzipSync(Buffer.alloc(6 << 20))
    const site = await serve((request, response) => {
      const { url } = request
      if (url === '/missing') response.writeHead(404, html).end('<a href="/x">')
      else if (url === '/image') response.writeHead(200, { 'content-type': 'image/png' }).end('png')
      else if (url === '/huge') response.writeHead(200, { ...html, 'content-encoding': 'gzip' }).end(zeros)
      else if (url === '/broken') request.socket.destroy()
      else response.writeHead(200, html).end('<a href="/x">')
    })
    const paths = ['/missing', '/image', '/huge', '/broken', '/good']
    const urls = [...paths.map((path) => site.url + path), 'not a URL', 'ftp://example.com/', 'http://10.0.0.1/']
    expect(await runJob(extractLinks, { urls })).toEqual({
      pages: [
        { url: urls[0], status: 404, links: [], error: 'the server answered 404' },
        { url: urls[1], status: 200, links: [], error: 'the page is image/png, not HTML' },
        { url: urls[2], status: 200, links: [], error: 'the body is larger than 5242880 bytes' },
        { url: urls[3], status: null, links: [], error: expect.stringContaining('127.0.0.1') },
        { url: urls[4], status: 200, links: [`${site.url}/x`], error: null },
        { url: urls[5], status: null, links: [], error: expect.stringContaining('cannot be read') },
        { url: urls[6], status: null, links: [], error: expect.stringContaining('ftp:') },
        { url: urls[7], status: null, links: [], error: expect.stringContaining('10.0.0.1') },
      ],
      total_links: 1,
    })
  })
})

describe('extract-links', () => {
  test('yields pages as they finish, returns them in input order, and reports each', async () => {
    const held: (() => void)[] = []
    const site = await serve((request, response) => {
      const answer = () => response.writeHead(200, html).end(`<a href="${request.url}/link">`)
      if (request.url === '/0') held.push(answer)
      else answer()
    })
    const urls = ['/0', '/1', '/2'].map((path) => site.url + path)
    const job = startJob(extractLinks, { urls, concurrency: 3 }, { onProgress: (done) => done > 0.5 && held.pop()?.() })
    const pages = urls.map((url) => ({ url, status: 200, links: [`${url}/link`], error: null }))
    expect(await job.done).toEqual({ pages, total_links: 3 })
    expect(job.yields).toHaveLength(3)
    expect(job.yields[2]).toEqual(pages[0])
    expect(job.yields).toEqual(expect.arrayContaining(pages))
    expect(job.progress).toEqual([
      { fraction: 1 / 3, message: 'page 1 of 3' },
      { fraction: 2 / 3, message: 'page 2 of 3' },
      { fraction: 1, message: 'page 3 of 3' },
    ])
  })

  test('fetches at most as many pages at once as allowed', async () => {
    const waiting: (() => void)[] = []
    let most = 0
    const site = await serve((_request, response) => {
      waiting.push(() => response.writeHead(200, html).end())
      most = Math.max(most, waiting.length)
      // Responds once four requests wait: a fifth would be counted, and with fewer the job would not continue.
      if (waiting.length === 4) setImmediate(() => waiting.splice(0).forEach((answer) => answer()))
    })
    await runJob(extractLinks, { urls: Array<string>(20).fill(site.url), concurrency: 4 })
    expect(most).toBe(4)
  })

  test('reads 200 pages, 50 at a time, with at most 1.3 s of CPU time', async () => {
    const waiting: (() => void)[] = []
    const site = await serve((_request, response) => {
      waiting.push(() => response.writeHead(200, html).end('<a href="/x">'.repeat(200)))
      if (waiting.length === 50) for (const answer of waiting.splice(0)) answer()
    })
    const urls = Array.from({ length: 200 }, (_, index) => `${site.url}/${index}`)
    // So 200 pages that take 50 ms each are read in 1.5 s. The clock would measure how busy the machine is.
    const before = process.cpuUsage()
    expect(await runJob(extractLinks, { urls, concurrency: 50 })).toMatchObject({ total_links: 200 })
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(1300)
  })

  test('stops at once when it is aborted, with its connections', async () => {
    const site = await serve(() => undefined)
    const job = startJob(extractLinks, { urls: Array<string>(10).fill(site.url), concurrency: 2 })
    const [request] = await once(site.server, 'request')
    job.abort(new Error('stop'))
    await expect(job.done).rejects.toMatchObject({ name: 'AbortError' })
    if (!request.socket.destroyed) await once(request.socket, 'close')
    expect(job.yields).toEqual([])
  })

  test.each([
    [{ urls: [] }],
    [{ urls: 'http://example.com' }],
    [{ urls: ['http://example.com'], concurrency: 101 }],
    [{}],
  ])('refuses %j', (input) => {
    expect(extractLinks.input.safeParse(input).success).toBe(false)
  })
})
