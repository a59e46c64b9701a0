import type { FastifyReply } from 'fastify'
import type { Hold } from './hold.ts'
import { StaggeredInterval } from './staggered-interval.ts'
import { StreamResponse } from './stream-response.ts'

/** Proxies close a connection that is silent for longer, often after 60 s. */
const heartbeatMs = 15_000
/** How long a client should wait before it reconnects. */
const retryMs = 2000

/** An answer of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export class SseResponse extends StreamResponse {
  #lastId: number | undefined

  constructor(reply: FastifyReply, hold: Hold) {
    super(reply, 'text/event-stream', hold)
  }

  /** @param data without line breaks, as JSON is */
  send(id: number, event: string, data: string): void {
    // A block without data is no event, and some clients take it for one: `retry` comes with the first event.
    const retry = this.#lastId === undefined ? `retry: ${retryMs}\n` : ''
    this.#lastId = id
    this.write(`${retry}id: ${id}\nevent: ${event}\ndata: ${data}\n\n`)
  }

  /** The client resumes after its last id, at another server; not all clients at the same moment. */
  override interrupt(): void {
    this.write(`retry: ${Math.round(retryMs * (0.5 + Math.random()))}\n\n`)
    this.end()
  }

  /** Repeats the last id, so that a client with another key resumes where it was. */
  protected override lastPiece(problem: string): string {
    const id = this.#lastId === undefined ? '' : `id: ${this.#lastId}\n`
    return `${id}event: problem\ndata: ${problem}\n\n`
  }

  /** An event stream has no end that would be taken for complete. */
  protected override endBehind(piece: string): void {
    this.write(piece)
    this.end()
  }
}

interface OpenStream {
  response: StreamResponse
  onBeat: (() => void) | undefined
}

interface StreamListeners {
  /** Called with each heartbeat. */
  onBeat?: () => void
  /** Called once, when the stream has closed. */
  onClose?: () => void
}

/** The streams that are open, of events or of lines: each gets a heartbeat, and all end when the server closes. */
export class SseStreams {
  readonly #open = new StaggeredInterval<OpenStream>(heartbeatMs, ({ response, onBeat }) => {
    response.beat()
    onBeat?.()
  })
  readonly #closing: AbortSignal
  readonly #gauge: { inc(): void; dec(): void }

  /** Call {@link stop} when done. `gauge` counts the streams that are open. */
  constructor(closing: AbortSignal, gauge: { inc(): void; dec(): void }) {
    this.#closing = closing
    this.#gauge = gauge
    closing.addEventListener('abort', () => {
      for (const { response } of this.#open) response.interrupt()
    })
  }

  /** Answers a request with a stream of events, which ends with its hold. */
  open(reply: FastifyReply, hold: Hold, listeners: StreamListeners = {}): SseResponse {
    return this.#track(new SseResponse(reply, hold), listeners)
  }

  /** Answers a request with lines of JSON, and empty lines as heartbeats, until its hold ends. */
  openLines(reply: FastifyReply, hold: Hold, listeners: StreamListeners = {}): StreamResponse {
    return this.#track(new StreamResponse(reply, 'application/x-ndjson', hold), listeners)
  }

  #track<T extends StreamResponse>(response: T, { onBeat, onClose }: StreamListeners): T {
    const remove = this.#open.add({ response, onBeat })
    this.#gauge.inc()
    response.onClose(() => {
      remove()
      this.#gauge.dec()
      onClose?.()
    })
    // A client that wants more reconnects, with its last id.
    if (this.#closing.aborted) response.interrupt()
    return response
  }

  stop(): void {
    this.#open.stop()
  }
}
