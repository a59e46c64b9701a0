import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The state of a worker for its health endpoints; the message of a rejection tells why it is not ready. */
export interface WorkerHealth {
  /** Resolves while the worker can consume jobs. */
  ready(): Promise<void>
  /** A queue whose consumer should take jobs and takes none. */
  stuckQueue(): string | undefined
  /** What costs safety at the moment, while the worker can consume. */
  warnings(): { code: string; detail: string }[]
  /** The body of `/metrics`. */
  metrics(): Promise<{ contentType: string; text: string }>
}

/** The health endpoints, which listen. */
export interface HealthServer {
  port: number
  close(): Promise<void>
}

/** Serves `/livez`, `/readyz` and `/metrics` of a worker. Resolves with the port when it listens. */
export async function serveHealth(
  { host, port }: { host: string; port: number },
  health: WorkerHealth,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const send = (status: number, contentType: string, text: string) => {
      response.writeHead(status, { 'content-type': contentType }).end(text)
    }
    const answer = (status: number, body: object) => send(status, 'application/json', JSON.stringify(body))
    const refuse = (error: unknown) =>
      answer(503, { status: 'not ready', reason: error instanceof Error ? error.message : 'unknown' })
    const path = request.url?.split('?', 1)[0]
    const stuckQueue = health.stuckQueue()
    if (path === '/livez' && stuckQueue === undefined) answer(200, { status: 'ok' })
    else if (path === '/livez') answer(503, { status: 'stuck', queue: stuckQueue })
    else if (path === '/readyz')
      health.ready().then(() => answer(200, { status: 'ready', warnings: health.warnings() }), refuse)
    else if (path === '/metrics') health.metrics().then(({ contentType, text }) => send(200, contentType, text), refuse)
    else answer(404, { status: 'not found' })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
