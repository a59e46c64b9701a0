import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { onTestFinished } from 'vitest'

export interface LocalSite {
  /** `http://127.0.0.1:port`, without a trailing slash. */
  url: string
  port: number
  server: Server
}

/** A real HTTP server on loopback that is closed after its test. */
export async function serve(listener: RequestListener, host = '127.0.0.1'): Promise<LocalSite> {
  const server = createServer(listener).listen(0, host)
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('a TCP server has a port')
  return { url: `http://${host}:${address.port}`, port: address.port, server }
}
