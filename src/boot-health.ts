import { createServer, type Server } from 'node:http'
import type { Logger } from 'pino'

/**
 * Answers for a process that waits for Redis before it can serve: `/livez` with 200, so that nothing restarts it, and everything else with
 * 503 and a problem document.
 */
export class BootHealth {
  readonly #at: { host: string; port: number }
  readonly #log: Logger
  #server: Server | undefined

  constructor(at: { host: string; port: number }, log: Logger) {
    this.#at = at
    this.#log = log
  }

  /** Listens, unless it does already. A port in use is logged here; the boot fails by it later. */
  start(): void {
    if (this.#server !== undefined) return
    this.#server = createServer(({ url = '' }, response) => {
      const [path = ''] = url.split('?', 1)
      if (path === '/livez') {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}')
        return
      }
      const headers = { 'content-type': 'application/problem+json', 'retry-after': '1', connection: 'close' }
      response.writeHead(503, headers).end(JSON.stringify(waiting(path)))
    })
    this.#server.on('error', (error) => this.#log.warn({ err: error }, 'failed to listen while waiting for Redis'))
    this.#server.listen(this.#at.port, this.#at.host)
  }

  /** Resolves when the port is free again. Does nothing if it did not listen. */
  async stop(): Promise<void> {
    const server = this.#server
    if (!server?.listening) return
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
}

/** As the API answers when Redis is away. */
function waiting(instance: string): object {
  const code = 'queue_unavailable'
  const detail = 'The process has started and waits for Redis.'
  return { type: `urn:drover:problem:${code}`, title: 'Queue unavailable', status: 503, detail, instance, code }
}
