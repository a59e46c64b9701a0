import type { JobResource } from '../../src/api/jobs/job-resource.ts'

/** An answer as a client sees it. */
export interface Answer<T = unknown> {
  status: number
  headers: Headers
  body: T
}

/** Sends a request with a JSON body. */
export async function send<T = unknown>(
  method: string,
  url: string,
  options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Answer<T>> {
  const { body, headers = {}, signal } = options
  const response = await fetch(url, {
    method,
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

/** Of 10 seconds or more: a wait for the end, on a busy machine as long as the API allows. */
export const waitHeader = (waitS: number): string => `wait=${waitS < 10 ? waitS : 50}`

/** Submits a job; with `waitS` waits for it: see {@link waitHeader}. */
export function submit(
  apiUrl: string,
  type: string,
  input: unknown,
  options: Record<string, unknown> & { waitS?: number } = {},
): Promise<Answer<JobResource>> {
  const { waitS, ...fields } = options
  const headers: Record<string, string> = waitS === undefined ? {} : { prefer: waitHeader(waitS) }
  return send('POST', `${apiUrl}/v1/jobs`, { body: { type, input, ...fields }, headers })
}

/** Reads a job; with `waitS` waits for it: see {@link waitHeader}. */
export function read(apiUrl: string, id: string, waitS?: number): Promise<Answer<JobResource>> {
  return send('GET', `${apiUrl}/v1/jobs/${id}`, waitS === undefined ? {} : { headers: { prefer: waitHeader(waitS) } })
}

export interface ServerSentEvent {
  id: number
  event: string
  data: unknown
}

/** Reads the event stream of a job or a flow. Ends when the server closes it. */
export async function* watch(
  apiUrl: string,
  id: string,
  options: { lastEventId?: number; signal?: AbortSignal; kind?: 'jobs' | 'flows' } = {},
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const { lastEventId, signal, kind = 'jobs' } = options
  const response = await fetch(`${apiUrl}/v1/${kind}/${id}/events`, {
    headers: lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) },
    ...(signal ? { signal } : {}),
  })
  if (!response.ok || !response.body) throw new Error(`no stream: ${response.status}`)
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      )
      const event = fields.get('event')
      if (event === undefined) continue
      yield { id: Number(fields.get('id')), event, data: JSON.parse(fields.get('data') ?? 'null') }
    }
  }
}

/** All events of a job, until the server closes the stream. */
export async function watchToEnd(apiUrl: string, id: string, lastEventId?: number): Promise<ServerSentEvent[]> {
  return Array.fromAsync(watch(apiUrl, id, lastEventId === undefined ? {} : { lastEventId }))
}
