import { AwayError, authorization, noteAnswer, noteAway, ProblemError, refusal } from './api.ts'

/** One server-sent event with the JSON of its data. */
export interface StreamEvent {
  kind: string
  data: unknown
}

const firstPauseMs = 1000
const longestPauseMs = 15_000

interface Follower {
  onEvent: (event: StreamEvent) => void
  /** Reads what the stream would tell, where the API has no room for another stream (429). @returns whether it has ended */
  poll: () => Promise<boolean>
  signal: AbortSignal
}

/**
 * Follows a stream of events until `done`, by fetch, because an EventSource sends no key. A connection that breaks is opened again after a
 * pause, from the last event that came; while there is no room for it, `poll` is asked instead. Ends when `signal` aborts.
 *
 * @throws ProblemError where the API refuses
 */
export async function follow(path: string, { onEvent, poll, signal }: Follower): Promise<void> {
  let lastId = ''
  let pauseMs = firstPauseMs
  while (!signal.aborted) {
    let retryAfterMs = 0
    try {
      for await (const event of events(path, lastId, signal)) {
        lastId = event.id || lastId
        pauseMs = firstPauseMs
        onEvent(event)
        if (event.kind === 'done') return
      }
    } catch (error) {
      if (signal.aborted) return
      if (!isTemporary(error)) throw error
      if (error instanceof ProblemError) {
        retryAfterMs = error.problem.retryAfterMs
        if (error.problem.status === 429 && (await polled(poll))) return
      }
    }
    await pause(Math.min(Math.max(pauseMs, retryAfterMs), longestPauseMs), signal)
    pauseMs = Math.min(pauseMs * 2, longestPauseMs)
  }
}

function isTemporary(error: unknown): boolean {
  if (error instanceof ProblemError) return error.problem.status >= 500 || error.problem.status === 429
  return error instanceof AwayError
}

async function polled(poll: () => Promise<boolean>): Promise<boolean> {
  try {
    return await poll()
  } catch (error) {
    if (!isTemporary(error)) throw error
    return false
  }
}

async function* events(path: string, lastId: string, signal: AbortSignal) {
  const headers = { accept: 'text/event-stream', ...authorization(), ...(lastId && { 'last-event-id': lastId }) }
  const response = await fetch(path, { headers, signal, credentials: 'omit', cache: 'no-store' }).catch((error) => {
    if (!signal.aborted) noteAway('The API does not answer')
    throw new AwayError('The API does not answer', { cause: error })
  })
  if (!response.ok) throw new ProblemError(await refusal(response))
  noteAnswer()
  // The client has all of it.
  if (response.status === 204 || !response.body) {
    yield { id: '', kind: 'done', data: undefined }
    return
  }
  let text = ''
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw new AwayError('The stream broke off', { cause: error })
      })
      if (done) return
      const blocks = (text + value).split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const event = parsed(block)
        if (event) yield event
      }
    }
  } finally {
    // Closes the connection, which holds one of the streams of the tenant. One that broke off repeats its error here.
    reader.cancel().catch(() => undefined)
  }
}

/** An event of its lines; undefined for a comment. */
function parsed(block: string): (StreamEvent & { id: string }) | undefined {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^(\w+): ?(.*)$/s.exec(line) ?? []
    if (name !== '') fields.set(name, fields.has(name) ? `${fields.get(name)}\n${value}` : value)
  }
  const data = fields.get('data')
  if (data === undefined) return undefined
  return { id: fields.get('id') ?? '', kind: fields.get('event') ?? 'message', data: JSON.parse(data) }
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
