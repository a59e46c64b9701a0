import { ConnectionError, problemError } from './errors.ts'
import { pause } from './pause.ts'
import { asThrown, type CallOptions, Patience, type Transport } from './transport.ts'

/** A comment comes each 15 s: longer silence is a dead connection. */
const silenceMs = 45_000
/** How long to wait before a connection that broke is opened anew, where the server names no time. */
const defaultRetryMs = 2000

interface StreamedEvent {
  id: string
  event: string
  data: unknown
}

export interface WatchOptions extends CallOptions {
  /** The id of the last event that is known: only later ones come. */
  after?: string
}

/**
 * The events of a job or a flow until `done`. A connection that breaks, or is silent, is opened again after the last id, so that no event
 * is missed and none comes twice. Ends without an event where `after` is that of `done`.
 *
 * @throws ProblemError where the key ends or the job is gone, ConnectionError, the reason of the signal
 */
export async function* followEvents(
  transport: Transport,
  path: string,
  { signal, after = '' }: WatchOptions,
): AsyncGenerator<StreamedEvent, void, undefined> {
  let last = after
  let retryMs = defaultRetryMs
  const patience = new Patience(transport.patienceMs)
  for (;;) {
    signal?.throwIfAborted()
    const connection = new AbortController()
    const headers = { accept: 'text/event-stream', ...(last !== '' && { 'last-event-id': last }) }
    let silence = setTimeout(() => connection.abort(), silenceMs)
    let why: unknown
    try {
      const limits = [connection.signal, ...(signal ? [signal] : [])]
      const response = await transport.open(path, transport.prepare('GET', { headers }), AbortSignal.any(limits))
      if (response.status === 204) return
      if (!response.body) throw new ConnectionError('The server sent no events.')
      for await (const fields of readFields(response.body, () => {
        clearTimeout(silence)
        silence = setTimeout(() => connection.abort(), silenceMs)
      })) {
        patience.renew()
        retryMs = Number(fields.get('retry')) || retryMs
        const data = fields.get('data')
        if (data === undefined) continue
        const id = fields.get('id') ?? last
        const event = fields.get('event') ?? ''
        if (event === 'problem') throw problemError(statusIn(data), data, response.headers)
        last = id
        yield { id, event, data: JSON.parse(data) }
        if (event === 'done') return
        signal?.throwIfAborted()
      }
    } catch (error) {
      signal?.throwIfAborted()
      why = error
    } finally {
      clearTimeout(silence)
      connection.abort()
    }
    const pauseMs = patience.next(why, retryMs)
    if (pauseMs === undefined) throw asThrown(why)
    await pause(pauseMs, signal)
  }
}

/** The events of a stream as their fields: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
async function* readFields(
  body: ReadableStream<Uint8Array>,
  onChunk: () => void,
): AsyncGenerator<ReadonlyMap<string, string>, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let fields = new Map<string, string>()
  for (;;) {
    const { value, done } = await reader.read()
    // The server sends an event that is not complete once more.
    if (done) return
    onChunk()
    text += decoder.decode(value, { stream: true })
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) {
      const [, name = '', content = ''] = /^([^:\r]*)(?:: ?(.*?))?\r?$/s.exec(line) ?? []
      const before = fields.get(name)
      if (name !== '') fields.set(name, name === 'data' && before !== undefined ? `${before}\n${content}` : content)
      else if (!line.startsWith(':')) {
        yield fields
        fields = new Map()
      }
    }
  }
}

function statusIn(problem: string): number {
  const { status }: { status?: unknown } = Object(JSON.parse(problem))
  return typeof status === 'number' ? status : 401
}
