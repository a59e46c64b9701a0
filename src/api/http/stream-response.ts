import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { dropWhenStalled } from './drop-when-stalled.ts'
import type { Hold } from './hold.ts'
import { type Problem, problemDetails } from './problem.ts'

/** A client that has more than this unread is behind: it gets no more before it has caught up. */
const maxUnreadBytes = 1024 * 1024
/** So long has a client to read why its stream ends with its key, before the connection is cut. */
const revokedForMs = 2000

/** The format of a stream. */
export type StreamType = keyof typeof heartbeats

/** Takes a reply over from Fastify and writes the head of a stream, with every header that was set before. */
function beginStream(reply: FastifyReply, contentType: StreamType): ServerResponse {
  reply.hijack()
  const headers: Record<string, OutgoingHttpHeader | undefined> = reply.getHeaders()
  // A head that is written at once, in one piece, is kept as one string; headers that are set one by one are kept beside it.
  return reply.raw.writeHead(200, {
    ...headers,
    'content-type': contentType,
    'cache-control': 'no-cache, no-transform',
    // Nginx would hold the pieces back.
    'x-accel-buffering': 'no',
  })
}

/** Answers a HEAD request for a stream, which is not opened. */
export function answerHeadOfStream(reply: FastifyReply, contentType: StreamType): FastifyReply {
  beginStream(reply, contentType).end()
  return reply
}

/** The formats of a stream, each with a piece that means nothing: it keeps a connection open that is silent otherwise. */
const heartbeats = { 'text/event-stream': ':\n\n', 'application/x-ndjson': '\n' } as const

/**
 * An answer that is written piece by piece. Takes the reply over from Fastify, with every header that was set before. Ends when its hold
 * is revoked.
 */
export class StreamResponse {
  readonly #response: ServerResponse
  readonly #heartbeat: string
  readonly #path: string
  #isEnded = false

  constructor(reply: FastifyReply, contentType: StreamType, hold: Hold) {
    this.#heartbeat = heartbeats[contentType]
    this.#response = beginStream(reply, contentType)
    this.#path = reply.request.url.split('?', 1)[0] ?? ''
    this.coalesce()
    this.#response.flushHeaders()
    hold.onRevoked((why) => this.#endWith(why))
  }

  /** The last piece: why the answer ends. A line of JSON by default. */
  protected lastPiece(problem: string): string {
    return `${problem}\n`
  }

  /** Sends the last piece. Lines are broken off behind it: a client that takes each line for a result must not take them for complete. */
  protected endBehind(piece: string): void {
    this.#isEnded = true
    this.#response.write(piece, () => this.#response.destroy())
  }

  #endWith(why: Problem): void {
    if (this.isClosed) return
    this.endBehind(this.lastPiece(JSON.stringify(problemDetails(why, this.#path))))
    const timer = setTimeout(() => this.#response.destroy(), revokedForMs)
    this.onClose(() => clearTimeout(timer))
  }

  /** True when nothing that is written now can reach the client: it left, or the answer was ended. */
  get isClosed(): boolean {
    return this.#isEnded || this.#response.closed || this.#response.destroyed
  }

  get isBehind(): boolean {
    return this.#response.writableLength > maxUnreadBytes
  }

  /** Calls `listener` once, when the connection has closed; in this tick where it has already. */
  onClose(listener: () => void): void {
    if (this.#response.closed) listener()
    else this.#response.once('close', listener)
  }

  /** Does nothing when the answer is closed. Does not wait for a client that is behind: see {@link caughtUp}. */
  write(text: string): void {
    if (!this.isClosed) this.#response.write(text)
  }

  /** Shows proxies a connection in use. */
  beat(): void {
    if (!this.isBehind) this.write(this.#heartbeat)
  }

  /** Sends what is written until the end of this tick by one system call. */
  coalesce(): void {
    // Not the cork of the response: it would send what it holds after the end.
    const { socket } = this.#response
    socket?.cork()
    process.nextTick(() => socket?.uncork())
  }

  /** Waits while the client is behind. A client that reads nothing for some seconds is disconnected. */
  async caughtUp(): Promise<void> {
    if (!this.isBehind || this.isClosed) return
    await new Promise<void>((resolve) => {
      const stopWatching = dropWhenStalled(this.#response)
      const go = () => {
        stopWatching()
        this.#response.off('drain', go).off('close', go)
        resolve()
      }
      this.#response.on('drain', go).on('close', go)
    })
  }

  /** Ends the answer. A client that does not read the rest of it is disconnected. */
  end(): void {
    if (this.isClosed) return
    this.#isEnded = true
    const stopWatching = dropWhenStalled(this.#response)
    this.#response.once('close', stopWatching).once('finish', stopWatching)
    this.#response.end()
  }

  /** Ends an answer that is not complete, because the server closes. A format that does not show that is broken off. */
  interrupt(): void {
    this.abort()
  }

  /** Breaks the connection off, so that the client does not take the answer for complete. Does nothing when it was ended. */
  abort(): void {
    if (!this.#isEnded) this.#response.destroy()
  }
}
