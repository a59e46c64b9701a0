import { EventEmitter, on } from 'node:events'
import { z } from 'zod'
import { defineJob, type JobContext } from '../define-job.ts'
import { describeFailure } from '../job-failure.ts'
import { readContentType } from '../web/content-type.ts'
import { findLinks } from '../web/find-links.ts'
import { describeNetworkError, readBody } from '../web/http-response.ts'

const maxPageBytes = 5 * 1024 * 1024
const pageTimeoutMs = 30_000

const page = z.strictObject({
  url: z.string().describe('As in the input'),
  status: z.int().nullable().describe('null if the server did not respond'),
  links: z.array(z.string()).describe('Absolute http(s) URLs without fragment, each once, in document order'),
  error: z.string().nullable(),
})

type Page = z.output<typeof page>

/** Fetches pages concurrently and lists their links. A page that fails has an `error`; the job continues. */
export default defineJob({
  type: 'extract-links',
  title: 'List the links of web pages',
  description:
    'Fetches each URL and lists the hyperlinks of its HTML. Yields each page as it finishes; the output lists them in the order of `urls`. A page that cannot be read has an `error` and does not fail the job. Limits per page: 30 s and 5 MiB.',
  runsOn: 'event-loop',
  input: z.strictObject({
    urls: z.array(z.string().min(1).max(8192)).min(1).max(10_000),
    concurrency: z.int().min(1).max(100).default(10).describe('The maximum number of concurrent requests'),
  }),
  output: z.strictObject({ pages: z.array(page), total_links: z.int() }),
  timeoutMs: 30 * 60_000,
  examples: [
    {
      input: { urls: ['https://example.com/'] },
      output: {
        pages: [{ url: 'https://example.com/', status: 200, links: ['https://iana.org/domains/example'], error: null }],
        total_links: 1,
      },
    },
  ],
  async *run({ urls, concurrency }, job) {
    const pages: Page[] = []
    let done = 0
    for await (const [index, page] of readPages(urls, concurrency, job)) {
      pages[index] = page
      done += 1
      job.progress(done / urls.length, `page ${done} of ${urls.length}`)
      yield page
    }
    return { pages, total_links: pages.reduce((sum, { links }) => sum + links.length, 0) }
  },
})

/** Each page with its index in `urls`, as it finishes. Aborts its requests when the caller returns early, and throws when the job is aborted. */
async function* readPages(
  urls: string[],
  concurrency: number,
  job: JobContext,
): AsyncGenerator<[number, Page], void, undefined> {
  const left = new AbortController()
  const signal = AbortSignal.any([job.signal, left.signal])
  const finished = new EventEmitter()
  const queue = urls.entries()
  // The readers share one iterator: each takes the next URL when it is free.
  const reader = async () => {
    for (const [index, url] of queue) {
      finished.emit('page', [index, await readPage(url, signal, job)])
      if (signal.aborted) return
    }
  }
  const results = on(finished, 'page', { signal, close: ['end'] })
  const readers = Promise.all(Array.from({ length: concurrency }, reader)).finally(() => finished.emit('end'))
  try {
    for await (const [result] of results) yield result
  } finally {
    left.abort()
    await readers
  }
}

async function readPage(url: string, jobSignal: AbortSignal, job: JobContext): Promise<Page> {
  const signal = AbortSignal.any([jobSignal, AbortSignal.timeout(pageTimeoutMs)])
  const failed = (status: number | null, error: string): Page => ({ url, status, links: [], error })
  let status: number | null = null
  try {
    const response = await job.fetch(url, {
      headers: { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.1' },
      signal,
    })
    status = response.status
    const { mediaType, charset } = await readContentType(response.headers.get('content-type'))
    const refusal = refusePage(response, mediaType)
    if (refusal !== null) {
      await response.body?.cancel()
      return failed(status, refusal)
    }
    const bytes = await readBody(response, maxPageBytes)
    const isXml = mediaType === 'application/xhtml+xml'
    const links = await findLinks({ bytes, url: response.url, charset, isXml }, signal)
    return { url, status, links, error: null }
  } catch (error) {
    return failed(status, describe(error, url, signal))
  }
}

function refusePage(response: Response, mediaType: string): string | null {
  if (!response.ok) return `the server answered ${response.status}`
  if (!['', 'text/html', 'application/xhtml+xml'].includes(mediaType)) return `the page is ${mediaType}, not HTML`
  return null
}

function describe(error: unknown, url: string, signal: AbortSignal): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `the page took longer than ${pageTimeoutMs} ms`
  return describeFailure(describeNetworkError(error, url, signal)).message
}
