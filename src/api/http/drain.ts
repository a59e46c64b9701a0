import { createServer, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { isAnswering, latestAnswer, noteAnswer } from './latest-answer.ts'

const checkEveryMs = 25
/** How long the listener waits for a moment without new connections, in ms: at best an idle turn of the event loop, else a short one. */
const quietWithinMs = { idle: 700, short: 1000 }
/**
 * How long such turns take at most, in ms. A turn that has answered is no idle one: while it goes on, the clients that it has answered come
 * back.
 */
const turnMs = { idle: 0.05, short: 0.5 }

export interface DrainOptions {
  /** Aborts when the process is to stop. */
  draining: AbortSignal
  /**
   * How long a connection without a request stays open after the listener has closed, in ms. Its client may have sent a request before it
   * hears of the end, so the longer it has been silent, the better.
   */
  idleMs: number
}

/**
 * Stops `app` so that no request is refused. From the abort of `draining` on it goes on to listen and to answer, with `connection: close`
 * on each answer, so that clients and proxies move to other servers. When it closes, the listener closes first; connections end when
 * they have been answered or were idle. Call it before the app listens, and add hooks that end what clients wait for before.
 */
export function drainGracefully(app: FastifyInstance, { draining, idleMs }: DrainOptions): void {
  const { server } = app
  const drain = new Drain()
  draining.addEventListener('abort', () => drain.begin(), { once: true })
  server.on('connection', (socket: Socket) => drain.accepted(socket))
  // The close of the server calls it, and would cut off a request that is on its way.
  server.closeIdleConnections = () => {}
  app.addHook('onRequest', ({ raw }, reply, done) => {
    drain.follow(raw.socket, reply.raw)
    done()
  })
  app.addHook('preClose', async () => {
    drain.begin()
    if (!server.listening) return
    const ended = new AbortController()
    server.once('close', () => ended.abort())
    // So that the code of the next close is compiled: that took up to five milliseconds of the moment that is waited for.
    createServer().close()
    await drain.quietTurn()
    // In the same turn, before anything else runs. Fastify waits for the end of its connections.
    server.close()
    void drain.closeIdle(idleMs, ended.signal)
  })
}

/** The connections of a server. */
class Drain {
  readonly #sockets = new Set<Socket>()
  #isDraining = false
  #accepted = 0

  /** From now on each answer ends its connection. */
  begin(): void {
    this.#isDraining = true
    for (const socket of this.#sockets) {
      const answer = latestAnswer(socket)
      if (answer) answer.shouldKeepAlive = false
    }
  }

  accepted(socket: Socket): void {
    this.#accepted += 1
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  follow(socket: Socket, answer: ServerResponse): void {
    if (this.#isDraining) answer.shouldKeepAlive = false
    noteAnswer(socket, answer)
  }

  /**
   * Resolves behind a turn of the event loop that has accepted no connection, if possible an idle one. The system resets the connections
   * that a listener has not accepted when it closes, and Node.js accepts one per turn: at any other moment some are waiting under load.
   */
  async quietTurn(): Promise<void> {
    const from = performance.now()
    for (;;) {
      const [accepted, begun] = [this.#accepted, performance.now()]
      await nextTurn()
      const now = performance.now()
      const isQuiet = now - begun < (now - from < quietWithinMs.idle ? turnMs.idle : turnMs.short)
      if ((accepted === this.#accepted && isQuiet) || now - from > quietWithinMs.short) return
    }
  }

  /** Closes connections without a request, from `idleMs` on, until the server has closed. */
  async closeIdle(idleMs: number, ended: AbortSignal): Promise<void> {
    for (let waitMs = idleMs; !ended.aborted; waitMs = checkEveryMs) {
      await sleep(waitMs)
      for (const socket of this.#sockets) if (!isAnswering(socket)) socket.destroySoon()
    }
  }
}
