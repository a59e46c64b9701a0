import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

interface Pair {
  client: Socket
  server: Socket
}

/**
 * A TCP proxy before a server on loopback that behaves like a bad network. Its faults hold for connections that exist and for new ones.
 * Close it.
 */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #oneWayDelayMs = 0
  #bytesPerS = Infinity
  #held: 'nothing' | 'requests' | 'answers' = 'nothing'
  #release: (() => void)[] = []
  #nextFreeAt = 0

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const pair = { client, server: connect(port, '127.0.0.1') }
      this.#pairs.add(pair)
      this.#pass(client, pair.server, 'requests', pair)
      this.#pass(pair.server, client, 'answers', pair)
    })
  }

  /** Passes connections to `port`. */
  static async open(port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Each direction takes half of `roundTripMs` longer. */
  delay(roundTripMs: number): void {
    this.#oneWayDelayMs = roundTripMs / 2
  }

  /** All connections together pass at most so many bytes per second. */
  limit(bytesPerS: number): void {
    this.#bytesPerS = bytesPerS
    this.#nextFreeAt = 0
  }

  /**
   * Holds back what is sent in one direction, and the end of connections, as a network does that is cut in one direction. With `nothing` it
   * passes on all that it held back.
   */
  hold(what: 'nothing' | 'requests' | 'answers'): void {
    this.#held = what
    for (const release of this.#release.splice(0)) release()
  }

  /** Resets every connection. @returns how many there were */
  reset(): number {
    const { size } = this.#pairs
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
    return size
  }

  async close(): Promise<void> {
    for (const { client, server } of this.#pairs) {
      client.destroy()
      server.destroy()
    }
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #pass(from: Socket, to: Socket, direction: 'requests' | 'answers', pair: Pair): void {
    from.setNoDelay(true)
    from.on('data', (data) => {
      const write = () => void (to.destroyed || to.write(data))
      const waitMs = this.#oneWayDelayMs + this.#queueMs(data.length)
      if (this.#held === direction) this.#release.push(write)
      else if (waitMs === 0) write()
      else setTimeout(write, waitMs)
    })
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#pairs.delete(pair)
      if (this.#held === direction) this.#release.push(() => to.destroySoon())
      else to.destroy()
    })
  }

  /** How long the bytes before these ones, and these, take on the link. */
  #queueMs(bytes: number): number {
    if (this.#bytesPerS === Infinity) return 0
    const now = performance.now()
    this.#nextFreeAt = Math.max(now, this.#nextFreeAt) + (bytes / this.#bytesPerS) * 1000
    return this.#nextFreeAt - now
  }
}
